#include "bare_lmdb.h"

#include <lmdb.h>
#include <stdlib.h>

struct apus_bare {
  MDB_env *env;
  MDB_dbi dbi;
  MDB_txn *reading;
  MDB_txn *writing;
};

const char *apus_bare_words(int code) { return mdb_strerror(code); }

int apus_bare_open(const char *folder, size_t map_size, int is_synced, struct apus_bare **result) {
  struct apus_bare *bare = calloc(1, sizeof *bare);
  if (bare == NULL) return -1;
  int code = mdb_env_create(&bare->env);
  if (code == 0) code = mdb_env_set_mapsize(bare->env, map_size);
  if (code == 0) code = mdb_env_open(bare->env, folder, MDB_NOTLS | (is_synced ? 0 : MDB_NOSYNC), 0600);
  MDB_txn *txn = NULL;
  if (code == 0) code = mdb_txn_begin(bare->env, NULL, 0, &txn);
  if (code == 0) code = mdb_dbi_open(txn, NULL, 0, &bare->dbi);
  if (code == 0) code = mdb_txn_commit(txn);
  if (code == 0) code = mdb_txn_begin(bare->env, NULL, MDB_RDONLY, &bare->reading);
  if (code == 0) mdb_txn_reset(bare->reading);
  if (code != 0) {
    apus_bare_close(bare);
    return code;
  }
  *result = bare;
  return 0;
}

void apus_bare_close(struct apus_bare *bare) {
  if (bare->reading) mdb_txn_abort(bare->reading);
  if (bare->writing) mdb_txn_abort(bare->writing);
  if (bare->env) mdb_env_close(bare->env);
  free(bare);
}

int apus_bare_begin(struct apus_bare *bare) { return mdb_txn_begin(bare->env, NULL, 0, &bare->writing); }

int apus_bare_put(struct apus_bare *bare, const void *key, size_t key_size, const void *value, size_t value_size) {
  MDB_val k = {key_size, (void *)key};
  MDB_val v = {value_size, (void *)value};
  return mdb_put(bare->writing, bare->dbi, &k, &v, 0);
}

int apus_bare_commit(struct apus_bare *bare) {
  MDB_txn *txn = bare->writing;
  bare->writing = NULL;
  return mdb_txn_commit(txn);
}

int apus_bare_renew(struct apus_bare *bare) { return mdb_txn_renew(bare->reading); }

int apus_bare_get(struct apus_bare *bare, const void *key, size_t key_size, const void **value, size_t *value_size) {
  MDB_val k = {key_size, (void *)key};
  MDB_val v;
  int code = mdb_get(bare->reading, bare->dbi, &k, &v);
  if (code == 0) {
    *value = v.mv_data;
    *value_size = v.mv_size;
  }
  return code;
}

void apus_bare_reset(struct apus_bare *bare) { mdb_txn_reset(bare->reading); }
