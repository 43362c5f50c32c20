#!/usr/bin/env bash
# Makes a store in which every kind of file and record of the format stands, and asks it questions: make.sh APUS FOLDER.
# It was run once for each version of the format. What it made then is kept beside it and is never made again.
set -eu
apus=$(realpath "$1"); to=$2
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$to"; cd "$to"
unset APUS_URL APUS_TOKEN_FILE
say() { "$apus" "$@" --data store >>made.log || { code=$?; [ $code = 2 ] || exit $code; }; }
b64() { printf %s "$1" | base64; }

say apply "$here/definitions.yaml"
cat >everything.jsonl <<'J'
{"person_id":"ann","event_timestamp":"2026-01-02T03:04:05.000000006Z","flag":true,"small":1,"large":9223372036854775807,"ratio":0.5,"exact":-0.1,"name":"Ann \u00e9\u4e16","raw":"AAEC/w==","seen":"1969-12-31T23:59:59.999999999Z","flags":[true,false],"numbers":[-1,0,9007199254740993],"names":["","b"],"vector":[1,2.5,-3,0]}
{"person_id":"ann","event_timestamp":"2026-01-03T00:00:00Z","small":2,"name":null}
{"person_id":"bob","event_timestamp":"2026-01-02T00:00:00Z","flag":false,"small":-5,"ratio":null,"flags":[],"numbers":null}
{"person_id":"","event_timestamp":"2026-01-02T00:00:00Z","name":"","raw":""}
{"person_id":"gone","event_timestamp":"2026-01-02T00:00:00Z","name":"to be erased, whole"}
{"person_id":"soon","event_timestamp":"2026-01-02T00:00:00Z","name":"to be erased, later"}
{"person_id":"bad","event_timestamp":"2026-01-02T00:00:00Z","small":101}
{"person_id":"bad","event_timestamp":"2026-01-02T00:00:01Z","small":100,"name":"longer than any name may be, by a good measure"}
J
cat >flown.jsonl <<'J'
{"carrier":"XX","number":-7,"day":"2025-03-01T00:00:00Z","event_timestamp":"2025-03-01T06:00:00Z","seats":10,"status":"planned"}
{"carrier":"XX","number":-7,"day":"2025-03-01T00:00:00Z","event_timestamp":"2025-03-01T07:00:00Z","seats":11}
{"carrier":"XX","number":-7,"day":"2025-03-01T00:00:00Z","event_timestamp":"2025-03-01T08:00:00Z","seats":12,"status":"gone"}
{"carrier":"X","number":12,"day":"2025-03-02T00:00:00Z","event_timestamp":"2025-03-02T06:00:00Z","seats":0,"status":null}
J
cat >charge.jsonl <<'J'
{"serial":"AQ==","spare":false,"event_timestamp":"2026-01-01T00:00:00Z","percent":1.5}
{"serial":"AQ==","spare":false,"event_timestamp":"2026-01-02T00:00:00Z","percent":2.5}
{"serial":"AQ==","spare":false,"event_timestamp":"2026-01-03T00:00:00Z","percent":3.5}
{"serial":"AQ==","spare":false,"event_timestamp":"2026-01-04T00:00:00Z","percent":4.5}
{"serial":"AQ==","spare":true,"event_timestamp":"2026-01-02T00:00:00Z","percent":100}
{"serial":"","spare":true,"event_timestamp":"2026-01-02T00:00:00Z","percent":null}
J
cat >sales.jsonl <<'J'
{"shop_id":1,"event_timestamp":"2026-01-01T00:00:00Z","total":10,"note":"first"}
{"shop_id":-1,"event_timestamp":"2026-01-01T00:00:00Z","total":20}
{"shop_id":2,"event_timestamp":"2026-01-01T00:00:00Z","total":30,"note":null}
J
for view in everything flown charge sales; do say push $view $view.jsonl --known-at event-time --producer first-$view; done
say pin early --view everything --note 'before all that follows'
say compact
# A correction at the same instant, a late event, an end, and one that was known later.
cat >more.jsonl <<'J'
{"person_id":"ann","event_timestamp":"2026-01-03T00:00:00Z","small":3}
{"person_id":"ann","event_timestamp":"2026-01-01T00:00:00Z","small":99,"large":1}
{"person_id":"bob","event_timestamp":"2026-01-05T00:00:00Z","large":5}
J
say push everything more.jsonl --known-at event-time+36h
printf '{"person_id":"bob","event_timestamp":"2026-01-04T00:00:00Z"}\n' >end.jsonl
say push everything end.jsonl --mode delete --known-at event-time
say dead-letters purge --rule name.max_length
say erase person_id=gone
say compact --erase
# Another version of a view, with what the first knew.
sed -E 's/^( *)total: *\{type: int32\}/\1total: {type: int64}/' "$here/definitions.yaml" >definitions-2.yaml
say apply definitions-2.yaml
say backfill sales@2 --from sales@1
say promote sales@2
say erase person_id=soon
say pin late --view everything --note 'after it'
# The rest stays in the log's tail, and the process that wrote it is killed.
"$apus" serve --data store --listen none --segment-size 8MiB --unix-socket "$PWD/socket" >>made.log 2>&1 &
server=$!
for _ in $(seq 300); do "$apus" ping --server unix:"$PWD/socket" >/dev/null 2>&1 && break; kill -0 $server; sleep 0.1; done
printf '{"person_id":"ann","event_timestamp":"2026-01-06T00:00:00Z","large":6}\n{"person_id":"cyd","event_timestamp":"2026-01-06T00:00:00Z","small":1000}\n' >tail.jsonl
"$apus" push everything tail.jsonl --known-at event-time --producer tail --server unix:"$PWD/socket" >>made.log || [ $? = 2 ]
printf '{"shop_id":1,"event_timestamp":"2026-01-07T00:00:00Z","total":5000000000}\n' >tail-sales.jsonl
"$apus" push sales tail-sales.jsonl --known-at event-time --server unix:"$PWD/socket" >>made.log
kill -9 $server; wait $server 2>/dev/null || true
rm -f socket
