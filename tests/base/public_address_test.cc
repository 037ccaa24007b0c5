#include "base/public_address.h"

#include <gtest/gtest.h>

namespace braid {
namespace {

TEST(PublicAddressTest, AddressesOfOnesOwnNetworksAreNotPublic) {
  for (const char* address : {"0.0.0.0",
                              "10.1.2.3",
                              "100.64.0.1",
                              "100.127.255.255",
                              "127.0.0.1",
                              "127.255.0.1",
                              "169.254.169.254",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.0.0.8",
                              "192.0.2.1",
                              "192.168.1.1",
                              "198.18.0.1",
                              "198.19.255.255",
                              "198.51.100.7",
                              "203.0.113.9",
                              "224.0.0.1",
                              "240.0.0.1",
                              "255.255.255.255",
                              "::",
                              "::1",
                              "fc00::1",
                              "fd12::1",
                              "fe80::1",
                              "fec0::1",
                              "ff02::1",
                              "2001:db8::1",
                              "2001::1",
                              "3fff::1",
                              "100::1",
                              "::ffff:10.0.0.1",
                              "::ffff:127.0.0.1",
                              "64:ff9b::a9fe:a9fe",
                              "64:ff9b:1::1",
                              "2002:7f00:1::",
                              "::10.0.0.1",
                              "example.org",
                              "",
                              "10.1",
                              "0x7f000001",
                              "[::1]"})
    EXPECT_FALSE(IsPublicAddress(address)) << address;
  for (const char* address : {"1.1.1.1",          "9.255.255.255",        "11.0.0.0",
                              "100.63.255.255",   "100.128.0.0",          "126.1.1.1",
                              "169.253.1.1",      "172.15.255.255",       "172.32.0.0",
                              "192.0.1.1",        "192.167.1.1",          "198.17.1.1",
                              "198.20.0.0",       "223.255.255.254",      "2606:4700::1111",
                              "2a00:1450::1",     "2001:4860:4860::8888", "::ffff:8.8.8.8",
                              "64:ff9b::808:808", "2002:808:808::1"})
    EXPECT_TRUE(IsPublicAddress(address)) << address;
}

TEST(PublicAddressTest, Numbers) {
  EXPECT_TRUE(IsAddress("10.0.0.1"));
  EXPECT_TRUE(IsAddress("fe80::1"));
  EXPECT_FALSE(IsAddress("10.0.0"));
  EXPECT_FALSE(IsAddress("a.example"));
}

}  // namespace
}  // namespace braid
