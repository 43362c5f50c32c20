"""Answers tests, one line for each of theirs: the only interpreter that a suite starts.

A question is a JSON array of texts: a module of this folder, a function of it, and the function's arguments. The answer is a JSON
object: {"ok": what the function returned} or {"error": what it raised, and where}. It ends with its standard input.
"""

import importlib
import json
import os
import sys
import traceback

answers = os.fdopen(os.dup(1), "w")
# Whatever a library says goes where a person looks, and not between the answers.
os.dup2(2, 1)
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

for line in sys.stdin:
    try:
        module, function, *arguments = json.loads(line)
        answer = {"ok": getattr(importlib.import_module(module), function)(*arguments)}
    # Also what is no Exception, as a panic of Polars.
    except BaseException:
        answer = {"error": traceback.format_exc(limit=-3)}
    answers.write(json.dumps(answer) + "\n")
    answers.flush()
