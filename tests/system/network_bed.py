"""Hosts as network namespaces, joined by bridges, and a TCP proxy that spoils connections.

Everything lives in namespaces that processes of the test hold, so it is gone when they are: no
name is taken, nothing of the machine's own network changes. As root the test gets a network
namespace of its own, otherwise a user namespace
in which it may make one; where neither is allowed it is skipped and says so.

    if __name__ == "__main__":
        network_bed.main()

    with Bed() as bed:
        lan = bed.network("10.77.1.0/24")
        one, two = bed.host(lan), bed.host(lan)
        one.run("ss", "-tan")                   # in the host
        tunnel = bed.proxy(one, two, port)      # one's loopback -> two's loopback, as `ssh -L` makes it
        tunnel.half_open()
        two.unplug()
"""

import collections
import ctypes
import ipaddress
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest

from by_hand import wait_until

INSIDE = "BRAID_NETWORK_BED"
CLONE_NEWNET = 0x40000000
WAYS = (["unshare", "--net"], ["unshare", "--user", "--map-root-user", "--net"])
WHY_NOT = "no network namespace can be made here: it takes iproute2 and root, or a kernel that gives every user namespaces"


def main():
    """Runs the tests of the calling file in a namespace of their own; skips them where there can be none."""
    enter()
    unittest.main(verbosity=2)


def enter():
    """Starts the calling program again in a namespace of its own, if it is in none and there can be one."""
    if INSIDE in os.environ:
        return
    for way in WAYS:
        if can_make_bridges(way):
            os.environ[INSIDE] = "1"
            os.execvp(way[0], [*way, sys.executable, *sys.argv])


def can_make_bridges(way):
    try:
        done = subprocess.run(
            [*way, "ip", "link", "add", "name", "bed", "type", "bridge"], capture_output=True
        )
    except OSError:
        return False
    return done.returncode == 0


def needs_bed(tests):
    """A decorator of test classes."""
    return unittest.skipUnless(INSIDE in os.environ, WHY_NOT)(tests)


def ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"ip {' '.join(words)}: {done.stderr}")


class Network:
    """A bridge; hosts on it reach each other and nobody else."""

    def __init__(self, name, block):
        self.name, self.block = name, ipaddress.ip_network(block)
        self.free = self.block.hosts()
        next(self.free)  # by custom a router's
        ip("link", "add", "name", name, "type", "bridge")
        ip("link", "set", name, "up")


class Host:
    """A network namespace with a loopback of its own, and `eth0` on a network."""

    def __init__(self, name, network):
        self.name, self.network, self.address = name, network, str(next(network.free))
        self.holder = subprocess.Popen(
            ["unshare", "--net", "sleep", "infinity"], stdin=subprocess.DEVNULL
        )
        own = os.readlink("/proc/self/ns/net")
        wait_until(lambda: self.namespace() not in (own, None), "a network namespace")
        cable = ["link", "add", "name", self.cable(), "type", "veth", "peer", "name", "eth0"]
        ip(*cable, "netns", str(self.holder.pid))
        self.plug()
        ip("link", "set", self.cable(), "up")
        self.run("ip", "link", "set", "lo", "up")
        self.run(*["ip", "addr", "add", f"{self.address}/{network.block.prefixlen}", "dev", "eth0"])
        self.run("ip", "link", "set", "eth0", "up")

    def namespace(self):
        try:
            return os.readlink(f"/proc/{self.holder.pid}/ns/net")
        except OSError:
            return None

    def cable(self):
        return f"to-{self.name}"

    def command(self, words):
        return ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", *words]

    def run(self, *words, code=0, **more):
        """Runs a command in the host; `code` is the exit code that must come, None for any."""
        done = subprocess.run(self.command(words), capture_output=True, text=True, **more)
        if code is not None and done.returncode != code:
            raise AssertionError(
                f"{words} in {self.name}: exit code {done.returncode}, not {code}\n{done.stdout}{done.stderr}"
            )
        return done

    def popen(self, words, **more):
        return subprocess.Popen(self.command(words), **more)

    def unplug(self):
        """What it sends, and what is sent to it, is lost without a word. Its interface stays up."""
        ip("link", "set", self.cable(), "nomaster")

    def plug(self):
        ip("link", "set", self.cable(), "master", self.network.name)

    def reset_connections(self):
        """Ends its TCP connections to other hosts; both ends get an error at once. False if this kernel cannot."""
        if shutil.which("ss") is None:
            return False
        there = ["state", "established", "dst", str(self.network.block)]
        self.run("ss", "-K", *there)
        return len(self.run("ss", "-Htn", *there).stdout.split("\n")) <= 1

    def inside(self, do):
        """Calls `do` in a thread that is in the host's namespace: sockets stay where they were made."""
        result = []

        def body():
            enter_namespace(self.holder.pid)
            try:
                result.append((do(), None))
            except OSError as error:
                result.append((None, error))

        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
        value, error = result[0]
        if error is not None:
            raise error
        return value


def enter_namespace(pid):
    """Moves the calling thread alone."""
    libc = ctypes.CDLL(None, use_errno=True)
    fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.setns(fd, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(fd)


class Router(Host):
    """Between two networks: hosts of `inside` reach those of `outside`, which see its address only and cannot dial in
    (address translation, as of a home or of an institute)."""

    RULES = "add table ip nat; add chain ip nat out { type nat hook postrouting priority 100; }; "
    RULES += "add rule ip nat out oifname eth0 masquerade"

    def __init__(self, name, outside, inside):
        super().__init__(name, outside)
        self.inner, self.inside_address = inside, str(inside.block[1])
        cable = ["link", "add", "name", f"in-{name}", "type", "veth", "peer", "name", "eth1"]
        ip(*cable, "netns", str(self.holder.pid))
        ip("link", "set", f"in-{name}", "master", inside.name, "up")
        self.run(
            "ip", "addr", "add", f"{self.inside_address}/{inside.block.prefixlen}", "dev", "eth1"
        )
        self.run("ip", "link", "set", "eth1", "up")
        if self.run("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward", code=None).returncode != 0:
            raise unittest.SkipTest("a router takes a /proc/sys/net that may be written")
        self.run("nft", self.RULES)

    @staticmethod
    def can_be():
        return shutil.which("nft") is not None


class Proxy:
    """Forwards TCP connections from a port of one host's loopback to a port of another one's, until it is told to
    spoil them. Counts the bytes of each way in `sent` (to the target) and `received`."""

    def __init__(self, here, there, port):
        self.there, self.port = there, port
        self.latency_s, self.bytes_per_s = 0.0, 0.0  # one way; 0: without limit
        self.sent = self.received = 0
        self.swallows = self.closed = False
        self.lock = threading.Lock()
        self.pairs = set()
        self.listener = here.inside(lambda: socket.create_server(("127.0.0.1", 0), backlog=64))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def cut(self):
        """Resets all connections (RST); new ones are forwarded."""
        with self.lock:
            pairs, self.pairs = self.pairs, set()
        for pair in pairs:
            for end in pair:
                reset(end)

    def half_open(self):
        """From now on everything that arrives is lost, and nobody is told: connections stay open, new ones open."""
        self.swallows = True

    def heal(self):
        """New connections are forwarded again. Those that have lost bytes are reset."""
        self.swallows = False
        self.cut()

    def close(self):
        self.closed = True
        # A blocked accept() returns.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut()

    def accept(self):
        while not self.closed:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.forward, args=(near,), daemon=True).start()

    def forward(self, near):
        try:
            far = self.there.inside(lambda: socket.create_connection(("127.0.0.1", self.port)))
        except OSError:
            return reset(near)
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = (near, far)
        with self.lock:
            self.pairs.add(pair)
        for source, target, count in ((near, far, "sent"), (far, near, "received")):
            pieces = Pieces()
            threading.Thread(target=self.read, args=(source, pieces), daemon=True).start()
            threading.Thread(
                target=self.write, args=(pieces, target, count, pair), daemon=True
            ).start()
        return None

    def read(self, source, pieces):
        while True:
            try:
                piece = source.recv(1 << 16)
            except OSError:
                piece = b""
            pieces.put(time.monotonic() + self.latency_s, piece)
            if not piece:
                return

    def write(self, pieces, target, count, pair):
        while True:
            due, piece = pieces.take()
            time.sleep(max(0.0, due - time.monotonic()))
            if self.swallows:
                if not piece:
                    return  # nor does anybody hear of the end
                continue
            if self.bytes_per_s:
                time.sleep(len(piece) / self.bytes_per_s)
            with self.lock:
                setattr(self, count, getattr(self, count) + len(piece))
            try:
                if not piece:
                    # An end that follows from a cut is not passed on: who is cut sees a reset, and nothing else.
                    with self.lock:
                        if pair in self.pairs:
                            target.shutdown(socket.SHUT_WR)
                    return
                target.sendall(piece)
            except OSError:
                with self.lock:
                    self.pairs.discard(pair)
                for end in pair:
                    reset(end)
                return


class Pieces:
    """A queue of bytes with the times at which they are due; bounded, so that a slow line pushes back."""

    def __init__(self, most=64):
        self.queue, self.most, self.changed = collections.deque(), most, threading.Condition()

    def put(self, due, piece):
        with self.changed:
            self.changed.wait_for(lambda: len(self.queue) < self.most)
            self.queue.append((due, piece))
            self.changed.notify_all()

    def take(self):
        with self.changed:
            self.changed.wait_for(lambda: self.queue)
            taken = self.queue.popleft()
            self.changed.notify_all()
            return taken


def reset(end):
    """Closes a socket with RST instead of FIN."""
    try:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.shutdown(socket.SHUT_RD)  # wakes whoever reads
    except OSError:
        pass
    end.close()


class Bed:
    """The hosts of one test; with its end they are gone."""

    def __enter__(self):
        self.hosts, self.proxies, self.networks = [], [], 0
        return self

    def __exit__(self, *_):
        for proxy in self.proxies:
            proxy.close()
        for host in self.hosts:
            host.holder.kill()
            host.holder.wait()
            # The end of the cable in the namespace goes with it, some time later.
            subprocess.run(["ip", "link", "del", host.cable()], capture_output=True)
        for number in range(self.networks):
            ip("link", "del", f"net{number}")

    def network(self, block="10.77.1.0/24"):
        self.networks += 1
        return Network(f"net{self.networks - 1}", block)

    def host(self, network, router=None):
        """A host on the network, whose way to others is through the router."""
        host = Host(f"h{len(self.hosts)}", network)
        self.hosts.append(host)
        if router is not None:
            host.run("ip", "route", "add", "default", "via", router.inside_address)
        return host

    def router(self, outside, inside):
        router = Router(f"h{len(self.hosts)}", outside, inside)
        self.hosts.append(router)
        return router

    def proxy(self, here, there, port):
        proxy = Proxy(here, there, port)
        self.proxies.append(proxy)
        return proxy
