#!/usr/bin/env bash
# Serves an example project with sample rows, on this machine alone: what `make run` does after building.
# The store is kept in $APUS_DATA, or .build/run, and filled only when it is not there yet.
set -eu

cd "$(dirname "${BASH_SOURCE[0]}")/.."
apus=.build/release/apus
example=Config/examples/fraud
data=${APUS_DATA:-.build/run}

if [ ! -e "$data/CURRENT" ]; then
  "$apus" apply "$example" --data "$data"
  # The rows become true as they come in, so that none is too old for its view.
  "$apus" push card_activity "$example/cards.csv" --no-event-time --data "$data"
  "$apus" push account_profile "$example/accounts.csv" --no-event-time --data "$data"
fi

cat <<END

The store is $data. When the server listens, try in another terminal:

  $apus status
  $apus describe card_activity
  $apus get card_id=c1 payer_id=7 payee_id=9 --service fraud@1
  $apus plan $example

Ctrl-C ends it in good order.

END
exec "$apus" serve --data "$data" "$@"
