#include "unique_fd.h"

#include <cerrno>

namespace ringway {

int MappedRegion::Map(int fd, size_t bytes) {
  Reset();
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
  if (at == MAP_FAILED) return errno;
  data_ = at;
  bytes_ = bytes;
  return 0;
}

}  // namespace ringway
