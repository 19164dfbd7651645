import { EBADF, EINVAL } from '../base/errno.ts';
import { F, FD_CLOEXEC, O_NONBLOCK, O_RDWR } from './abi.ts';
import type { FdTable } from './fd-table.ts';

/** Duplicates, close-on-exec and O_NONBLOCK; what else F_SETFL is given changes nothing, as on Linux. */
export function fcntl(files: FdTable, fd: number, command: number, argument: number): number {
  const file = files.get(fd);
  if (file === null) return -EBADF;
  switch (command) {
    case F.DUPFD:
      return files.add(file, argument);
    case F.DUPFD_CLOEXEC:
      return files.add(file, argument, true);
    case F.GETFD:
      return files.isCloseOnExec(fd) ? FD_CLOEXEC : 0;
    case F.SETFD:
      files.setCloseOnExec(fd, (argument & FD_CLOEXEC) !== 0);
      return 0;
    case F.GETFL:
      return O_RDWR | (file.isNonBlocking ? O_NONBLOCK : 0);
    case F.SETFL:
      file.setNonBlocking((argument & O_NONBLOCK) !== 0);
      return 0;
    default:
      return -EINVAL;
  }
}
