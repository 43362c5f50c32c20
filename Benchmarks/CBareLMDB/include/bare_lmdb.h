// LMDB with nothing around it: what the index is measured against. One environment, one database, one thread.
//
// Every call answers LMDB's code, 0 for success. Reading is as the index does it: a transaction that is kept, renewed and
// reset. Writing syncs nothing (MDB_NOSYNC), or everything.

#ifndef APUS_BARE_LMDB_H
#define APUS_BARE_LMDB_H

#include <stddef.h>

struct apus_bare;

int apus_bare_open(const char *folder, size_t map_size, int is_synced, struct apus_bare **result);
void apus_bare_close(struct apus_bare *bare);
const char *apus_bare_words(int code);

// The one transaction that writes.
int apus_bare_begin(struct apus_bare *bare);
int apus_bare_put(struct apus_bare *bare, const void *key, size_t key_size, const void *value, size_t value_size);
int apus_bare_commit(struct apus_bare *bare);

// Between renew and reset, a value may be looked at.
int apus_bare_renew(struct apus_bare *bare);
int apus_bare_get(struct apus_bare *bare, const void *key, size_t key_size, const void **value, size_t *value_size);
void apus_bare_reset(struct apus_bare *bare);

#endif
