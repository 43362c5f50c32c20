// How often this thread has asked for memory.
//
// The program that links this has its own malloc in front of glibc's, which only counts. A sanitizer brings an allocator of
// its own; beside one nothing is counted, and apus_allocations_counted() is 0.

#ifndef APUS_ALLOCATIONS_H
#define APUS_ALLOCATIONS_H

#include <stdint.h>

uint64_t apus_allocations(void);
int apus_allocations_counted(void);

#endif
