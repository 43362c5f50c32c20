#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <zdict.h>
#include <zstd.h>
#include <zstd_errors.h>
