"""A blocking client over `wire`, which is the protocol's page as bytes.

Requests may be sent ahead (`send`) and their replies taken in any order (`reply`). What a server sends is checked against
what was asked: a reply to nothing, of another type, or with bytes too many is `Malformed`.
"""

import socket
import time

from wire import (
    CODES, COLUMNS, CONSOLE, DELETE, ERROR, GET, HEADER, HELLO, PREPARE, PRODUCER, PUSH, REPLY, REPLIES, SCAN, SESSION_CODES,
    STATS, PING, Frame, Gone, Malformed, Refusal, check, console, error_of, frame, get, get_reply, hello, prepare, producer,
    push, scan, u8)


class Connection:
    def __init__(self, address, token=None, seconds=20, greet=True, buffer=None, **more):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        try:
            if buffer:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            self.socket.settimeout(seconds)
            self.socket.connect(address)
            if family == socket.AF_INET:
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.last, self.waiting, self.come = 0, {}, {}
            self.handles = {}
            self.hello = self.call(HELLO, hello(token, **more)) if greet else None
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def take(self, count):
        parts = bytearray()
        while len(parts) < count:
            try:
                part = self.socket.recv(count - len(parts))
            except (ConnectionResetError, BrokenPipeError) as error:
                raise Gone(str(error)) from error
            if not part:
                raise Gone("in the middle of a frame" if parts or count != HEADER.size else "between frames")
            parts += part
        return bytes(parts)

    def raw(self, data):
        try:
            self.socket.sendall(data)
        except (ConnectionResetError, BrokenPipeError) as error:
            raise Gone(str(error)) from error

    def send(self, kind, body=b"", deadline=0, context=None):
        """A request's id. `context`: what the reply of a GET needs to be read (columns, options)."""
        request = 0
        if kind != HELLO:
            self.last += 1
            request = self.last
        self.waiting[request] = (kind, context)
        self.raw(frame(kind, request, body, deadline))
        return request

    def frame(self):
        """The next frame whatever it is; what the page says of every frame of a server is checked."""
        length, kind, flags, deadline, request = HEADER.unpack(self.take(HEADER.size))
        check(length <= 16 << 20, f"a body of {length} bytes")
        check(kind == ERROR or kind & REPLY, f"a server sent type {kind}")
        check(not flags and not deadline, f"flags {flags}, deadline {deadline} of a reply")
        body = self.take(length)
        check(not any(self.take(-length % 8)), "no zeroes behind a body")
        return Frame(kind, flags, deadline, request, body)

    def next(self):
        """The id of the next reply, and what it says; a Refusal is a value here."""
        came = self.frame()
        if came.type == ERROR:
            error = Refusal(error_of(came.body))
            error.request = came.id
            if self.waiting.pop(came.id, None) is None and error.code not in SESSION_CODES | {7, 32}:
                raise Malformed(f"an error for request {came.id}, which is not under way: {error}")
            return came.id, error
        check(came.id in self.waiting, f"a reply to request {came.id}, which is not under way")
        kind, context = self.waiting.pop(came.id)
        check(came.type == kind | REPLY, f"a reply of type {came.type} to {kind}")
        return came.id, get_reply(came.body, *context) if kind == GET else REPLIES[kind](came.body)

    def reply(self, request):
        while request not in self.come:
            came, value = self.next()
            self.come[came] = value
            if isinstance(value, Refusal) and value.code in SESSION_CODES and came != request:
                raise value
        value = self.come.pop(request)
        if isinstance(value, Refusal):
            raise value
        return value

    def call(self, kind, body=b"", deadline=0, context=None):
        return self.reply(self.send(kind, body, deadline, context))

    # What a caller wants

    def prepare(self, *names, kind=1, project=""):
        vector = self.call(PREPARE, prepare(names, kind, project))
        self.handles[vector["handle"]] = vector
        return vector

    def ask(self, vector, keys, layout=COLUMNS, options=0, minimum=0, rows=None, deadline=0):
        """Sends a GET; its id."""
        rows = len(keys) // len(vector["roles"]) if rows is None else rows
        body = get(vector["handle"], keys, rows, layout, options, minimum)
        return self.send(GET, body, deadline, (vector["columns"], options))

    def get(self, *arguments, **more):
        return self.reply(self.ask(*arguments, **more))

    def dicts(self, vector, keys, **more):
        """One dictionary a row: name of the column, and its cell."""
        names = [column.name for column in vector["columns"]]
        return [dict(zip(names, row)) for row in self.get(vector, keys, **more)["rows"]]

    def push(self, *arguments, deadline=0, **more):
        return self.call(PUSH, push(*arguments, **more), deadline)

    def delete(self, view, keys, deadline=0, **more):
        return self.call(DELETE, push(view, keys, **more), deadline)

    def producer(self, name):
        return self.call(PRODUCER, producer(name))

    def ping(self, words=b"", deadline=0):
        return self.call(PING, words, deadline)

    def stats(self, kind=1):
        return self.call(STATS, u8(kind))

    def console(self, *words, files=()):
        return self.call(CONSOLE, console(words, files))

    def scan(self, view, page=1000, project=""):
        """Every row of a view: key, event time, cells."""
        token = b""
        while True:
            reply = self.call(SCAN, scan(view, page, token, project))
            for row, name in enumerate(reply["keys"]):
                yield name, reply["event_times"][row], {
                    column: cells[row] for column, (_, cells) in reply["columns"].items()}
            token = reply["next"]
            if not token:
                return

    def ends(self, seconds):
        """Whether the peer ends the connection within so long; what it sends until then is thrown away."""
        self.socket.settimeout(seconds)
        until = time.monotonic() + seconds
        try:
            while time.monotonic() < until:
                if not self.socket.recv(65536):
                    return True
        except (ConnectionResetError, BrokenPipeError):
            return True
        except TimeoutError:
            pass
        return False
