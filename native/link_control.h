// The interface settings that have an ioctl: flags, MTU, hardware address, queue length, index.
// Set-up and refresh only; watching links is the netlink socket's work.
#ifndef RINGWAY_NATIVE_LINK_CONTROL_H_
#define RINGWAY_NATIVE_LINK_CONTROL_H_

#include <array>
#include <cstdint>
#include <string>

#include "unique_fd.h"

namespace ringway {

using MacBytes = std::array<uint8_t, 6>;

class LinkControl {
 public:
  // 0, or an errno.
  int Open(const std::string& name);

  // Each returns 0 or an errno.
  // Whether the link is up: set up, and with carrier where the device knows of one. ENODEV: gone.
  // Looked up by index, so that a renamed interface is still found.
  int IsUp(int index, bool* is_up);
  int SetUp() const;
  int Mtu(int* mtu) const;
  int SetMtu(int mtu) const;
  int Mac(MacBytes* mac) const;
  int SetMac(const MacBytes& mac) const;
  int TxQueueLen(int* frames) const;
  int SetTxQueueLen(int frames) const;

  const std::string& name() const { return name_; }
  void Close() { fd_.Reset(); }

 private:
  UniqueFd fd_;
  std::string name_;
};

// True when `name` can name an interface: 1 to 15 bytes, no slash, no space.
bool IsInterfaceName(const std::string& name);

// False: not aa:bb:cc:dd:ee:ff.
bool ParseMac(const std::string& text, MacBytes* mac);
std::string FormatMac(const MacBytes& mac);

}  // namespace ringway

#endif  // RINGWAY_NATIVE_LINK_CONTROL_H_
