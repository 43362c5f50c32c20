#!/usr/bin/env bash
# Asks a store all questions of questions.txt: ask.sh APUS STORE. Each answer stands behind its question, with its exit code.
while read -r question; do
  echo "\$ apus $question"
  "$1" $question --data "$2" 2>&1
  echo "exit $?"
done <"$(dirname "$0")/questions.txt"
