#include "link_control.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace ringway {

namespace {

ifreq RequestFor(const std::string& name) {
  ifreq request = {};
  std::memcpy(request.ifr_name, name.data(), name.size() < IFNAMSIZ ? name.size() : IFNAMSIZ - 1);
  return request;
}

int Call(const UniqueFd& fd, unsigned long what, ifreq* request) {
  return ioctl(fd.get(), what, request) == 0 ? 0 : errno;
}

}  // namespace

int LinkControl::Open(const std::string& name) {
  name_ = name;
  fd_.Reset(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  // A kernel without IPv4 still has AF_PACKET sockets, and these ioctls work on any socket.
  if (!fd_.valid()) fd_.Reset(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  return fd_.valid() ? 0 : errno;
}

int LinkControl::IsUp(int index, bool* is_up) {
  ifreq request = {};
  request.ifr_ifindex = index;
  int error = Call(fd_, SIOCGIFNAME, &request);
  if (error != 0) return error;
  name_ = request.ifr_name;
  request = RequestFor(name_);
  error = Call(fd_, SIOCGIFFLAGS, &request);
  if (error != 0) return error;
  *is_up = (request.ifr_flags & IFF_UP) != 0;
  // IFF_RUNNING follows the carrier with a delay; this asks the device itself.
  ethtool_value carrier = {ETHTOOL_GLINK, 1};
  request = RequestFor(name_);
  request.ifr_data = reinterpret_cast<char*>(&carrier);
  if (Call(fd_, SIOCETHTOOL, &request) == 0 && carrier.data == 0) *is_up = false;
  return 0;
}

int LinkControl::SetUp() const {
  ifreq request = RequestFor(name_);
  const int error = Call(fd_, SIOCGIFFLAGS, &request);
  if (error != 0 || (request.ifr_flags & IFF_UP) != 0) return error;
  request.ifr_flags |= IFF_UP;
  return Call(fd_, SIOCSIFFLAGS, &request);
}

int LinkControl::Mtu(int* mtu) const {
  ifreq request = RequestFor(name_);
  const int error = Call(fd_, SIOCGIFMTU, &request);
  *mtu = request.ifr_mtu;
  return error;
}

int LinkControl::SetMtu(int mtu) const {
  ifreq request = RequestFor(name_);
  request.ifr_mtu = mtu;
  return Call(fd_, SIOCSIFMTU, &request);
}

int LinkControl::Mac(MacBytes* mac) const {
  ifreq request = RequestFor(name_);
  const int error = Call(fd_, SIOCGIFHWADDR, &request);
  std::memcpy(mac->data(), request.ifr_hwaddr.sa_data, mac->size());
  return error;
}

int LinkControl::SetMac(const MacBytes& mac) const {
  ifreq request = RequestFor(name_);
  request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
  std::memcpy(request.ifr_hwaddr.sa_data, mac.data(), mac.size());
  return Call(fd_, SIOCSIFHWADDR, &request);
}

int LinkControl::TxQueueLen(int* frames) const {
  ifreq request = RequestFor(name_);
  const int error = Call(fd_, SIOCGIFTXQLEN, &request);
  *frames = request.ifr_qlen;
  return error;
}

int LinkControl::SetTxQueueLen(int frames) const {
  ifreq request = RequestFor(name_);
  request.ifr_qlen = frames;
  return Call(fd_, SIOCSIFTXQLEN, &request);
}

bool IsInterfaceName(const std::string& name) {
  if (name.empty() || name.size() >= IFNAMSIZ || name == "." || name == "..") return false;
  for (const char c : name) {
    if (c == '/' || c == ':' || static_cast<unsigned char>(c) <= ' ') return false;
  }
  return true;
}

bool ParseMac(const std::string& text, MacBytes* mac) {
  unsigned b[6];
  int used = 0;
  const int n = std::sscanf(text.c_str(), "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3],
                            &b[4], &b[5], &used);
  if (n != 6 || static_cast<size_t>(used) != text.size()) return false;
  for (size_t i = 0; i < 6; i++) (*mac)[i] = static_cast<uint8_t>(b[i]);
  return true;
}

std::string FormatMac(const MacBytes& mac) {
  char text[18];
  std::snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
                mac[4], mac[5]);
  return text;
}

}  // namespace ringway
