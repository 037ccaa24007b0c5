#!/usr/bin/env python3
"""The test bed itself: hosts reach whom they should, and spoiled connections are spoiled as they claim."""

import socket
import threading
import time
import unittest

import network_bed
from network_bed import Bed


def echo_server(host, address):
    """Sends back what comes, in threads of the test; its port."""
    server = host.inside(lambda: socket.create_server((address, 0)))

    def serve(connection):
        with connection:
            try:
                while piece := connection.recv(65536):
                    connection.sendall(piece)
            except OSError:
                pass

    def accept():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return server.getsockname()[1]


def dial(host, address, port, timeout_s=60):
    return host.inside(lambda: socket.create_connection((address, port), timeout_s))


@network_bed.needs_bed
class NetworkBedTest(unittest.TestCase):
    def test_hosts_of_a_network_reach_each_other_and_nobody_else(self):
        with Bed() as bed:
            lan, other = bed.network("10.77.1.0/24"), bed.network("10.77.2.0/24")
            one, two, far = bed.host(lan), bed.host(lan), bed.host(other)
            port = echo_server(two, two.address)
            with dial(one, two.address, port) as connection:
                connection.sendall(b"hello")
                self.assertEqual(connection.recv(5), b"hello")
            with self.assertRaises(OSError):
                dial(far, two.address, port)
            with self.assertRaises(ConnectionRefusedError):
                dial(one, "127.0.0.1", port)

    @unittest.skipUnless(network_bed.Router.can_be(), "address translation takes nftables")
    def test_sites_behind_address_translation_dial_out_and_are_not_dialled(self):
        with Bed() as bed:
            wide = bed.network("10.77.0.0/24")
            head, hosts = bed.host(wide), []
            port = echo_server(head, head.address)
            for _ in range(2):  # two sites with the same private addresses
                inside = bed.network("192.168.7.0/24")
                router = bed.router(wide, inside)
                hosts.append(bed.host(inside, router))
                with dial(hosts[-1], head.address, port) as connection:
                    connection.sendall(b"out")
                    self.assertEqual(connection.recv(3), b"out")
            self.assertEqual(hosts[0].address, hosts[1].address)
            with self.assertRaises(OSError):
                dial(head, hosts[0].address, echo_server(hosts[0], hosts[0].address), 0.5)

    def test_an_unplugged_host_is_silent_and_comes_back(self):
        with Bed() as bed:
            lan = bed.network()
            one, two = bed.host(lan), bed.host(lan)
            with dial(one, two.address, echo_server(two, two.address)) as connection:
                two.unplug()
                connection.settimeout(0.3)
                connection.sendall(b"lost?")
                with self.assertRaises(TimeoutError):
                    connection.recv(5)
                two.plug()
                connection.settimeout(120)
                self.assertEqual(connection.recv(5), b"lost?", "TCP has sent it again")
                if one.reset_connections():
                    with self.assertRaises(OSError):
                        connection.recv(1)

    def test_a_proxy_forwards_counts_delays_cuts_and_swallows(self):
        with Bed() as bed:
            lan = bed.network()
            one, two = bed.host(lan), bed.host(lan)
            proxy = bed.proxy(one, two, echo_server(two, "127.0.0.1"))
            port = int(proxy.address.rpartition(":")[2])

            with dial(one, "127.0.0.1", port) as connection:
                connection.sendall(b"x" * 1000)
                self.assertEqual(len(connection.recv(1000, socket.MSG_WAITALL)), 1000)
                self.assertEqual((proxy.sent, proxy.received), (1000, 1000))
                proxy.latency_s = 0.1
                begun = time.monotonic()
                connection.sendall(b"slow")
                connection.recv(4, socket.MSG_WAITALL)
                self.assertGreaterEqual(time.monotonic() - begun, 0.2, "there and back")
                proxy.latency_s, proxy.bytes_per_s = 0, 10_000
                begun = time.monotonic()
                connection.sendall(b"x" * 1000)
                connection.recv(1000, socket.MSG_WAITALL)
                self.assertGreaterEqual(time.monotonic() - begun, 0.2)
                proxy.bytes_per_s = 0
                proxy.cut()
                with self.assertRaises(ConnectionResetError):
                    connection.recv(1)

            with dial(one, "127.0.0.1", port) as connection:
                connection.sendall(b"again")
                self.assertEqual(connection.recv(5), b"again", "new connections pass")
                proxy.half_open()
                connection.sendall(b"gone")
                connection.settimeout(0.3)
                with self.assertRaises(TimeoutError):
                    connection.recv(1)
                with dial(one, "127.0.0.1", port) as second:
                    second.settimeout(0.3)
                    second.sendall(b"gone too")
                    with self.assertRaises(TimeoutError):
                        second.recv(1)
                proxy.heal()
                connection.settimeout(60)
                with self.assertRaises(ConnectionResetError):
                    connection.recv(1)
            with dial(one, "127.0.0.1", port) as connection:
                connection.sendall(b"healed")
                self.assertEqual(connection.recv(6), b"healed")


if __name__ == "__main__":
    network_bed.main()
