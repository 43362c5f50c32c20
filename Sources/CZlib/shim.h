// zlib: Parquet pages that gzip made smaller, and the checksum that page headers carry.

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

// As in Sources/CLinux/shim.h: Swift's own Glibc module names a member of fd_set differently without _GNU_SOURCE, and
// nobody here selects. To be removed when Glibc's module defines _GNU_SOURCE too.
#ifndef _SYS_SELECT_H
#define _SYS_SELECT_H 1
#endif

#include <zlib.h>
