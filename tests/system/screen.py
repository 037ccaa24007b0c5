"""A program in a pseudo terminal, and what its terminal shows."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
import unicodedata


class Display:
    """A terminal as far as braid uses one: it writes with wrapping, and understands the sequences below. Anything else
    is an error of the test, not ignored."""

    SEQUENCE = re.compile(r"\x1b\[(\??)(\d*(?:;\d*)*)([A-Za-z])")

    def __init__(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.lines = [""] * rows
        self.row = self.column = 0
        self.scrolled = 0  # rows that have left at the top
        self.rest = ""  # the beginning of a sequence whose end has not come yet

    def resize(self, columns, rows):
        """As terminals do that cut what is too long. (Others wrap it.)"""
        self.columns, self.rows = columns, rows
        self.lines = [line[:columns] for line in (self.lines + [""] * rows)[:rows]]
        self.row, self.column = min(self.row, rows - 1), min(self.column, columns)

    def text(self):
        return "\n".join(line.rstrip() for line in self.lines).rstrip("\n")

    def feed(self, text):
        text, self.rest = self.rest + text, ""
        at = 0
        while at < len(text):
            if text[at] == "\x1b":
                found = self.SEQUENCE.match(text, at)
                if found is None:
                    if len(text) - at < 16:
                        self.rest = text[at:]
                        return
                    raise AssertionError(f"an unknown sequence: {text[at : at + 16]!r}")
                if not found[1]:
                    self.control(found[3], [int(n or 0) for n in found[2].split(";")])
                at = found.end()
            else:
                self.put(text[at])
                at += 1

    def control(self, letter, numbers):
        count = max(numbers[0], 1)
        if letter == "A":
            self.row = max(0, self.row - count)
        elif letter == "K" and numbers[0] == 0:
            self.lines[self.row] = self.lines[self.row][: self.column]
        elif letter == "J" and numbers[0] == 0:
            self.lines[self.row] = self.lines[self.row][: self.column]
            self.lines[self.row + 1 :] = [""] * (self.rows - self.row - 1)
        elif letter != "m":
            raise AssertionError(f"an unknown sequence: {numbers} {letter}")

    def line_feed(self):
        self.row += 1
        if self.row == self.rows:
            self.lines = self.lines[1:] + [""]
            self.row -= 1
            self.scrolled += 1

    def put(self, character):
        if character == "\r":
            self.column = 0
        elif character == "\n":
            self.line_feed()
        elif character == "\a":
            pass
        else:
            width = 2 if unicodedata.east_asian_width(character) in "WF" else 1
            if unicodedata.combining(character):
                width = 0
            if self.column + width > self.columns:
                self.line_feed()
                self.column = 0
            # The second half of a wide character is kept as "\0", so that places in the text are columns.
            line = self.lines[self.row].ljust(self.column)
            written = character + "\0" * (width - 1)
            self.lines[self.row] = line[: self.column] + written + line[self.column + width :]
            self.column += width


class Screen:
    """A program in a pseudo terminal. `text` is what was printed since the last key, `display` what stands there if
    nothing but braid's own lines are printed."""

    def __init__(self, command, environment, columns=100, rows=30, display=False):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            self.fd = 0  # before the program can ask for the size
            self.size(columns, rows)
            os.execvpe(command[0], command, {**environment, "TERM": "xterm"})
        self.text, self.unread = "", b""
        self.display = Display(columns, rows) if display else None

    def size(self, columns, rows):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, columns, rows):
        self.size(columns, rows)
        self.display.resize(columns, rows)

    def read(self):
        """Takes what is there; False at the end."""
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        if not data:
            return False
        data = self.unread + data
        # Half of a character waits for the other half.
        whole = len(data)
        with contextlib.suppress(IndexError):
            last = next(i for i in range(1, 5) if data[-i] & 0xC0 != 0x80)
            if data[-last] >= 0xC0 and last < 2 + (data[-last] >= 0xE0) + (data[-last] >= 0xF0):
                whole -= last
        self.unread = data[whole:]
        text = data[:whole].decode("utf-8", "replace")
        self.text += text
        if self.display:
            self.display.feed(text)
        return True

    def wait_for(self, condition, what, limit_s=120):
        """Reads until the condition holds."""
        end = time.monotonic() + limit_s
        while not condition():
            if not select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"{what} did not appear:\n{self.text}")
            if not self.read():
                raise AssertionError(f"it ended before {what}:\n{self.text}")

    def wait(self, pattern, limit_s=120):
        self.wait_for(lambda: re.search(pattern, self.text), pattern, limit_s)

    def press(self, keys):
        self.text = ""
        os.write(self.fd, keys.encode())

    def close(self):
        with contextlib.suppress(OSError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)

    def end(self):
        """What is printed until it ends, and its exit code."""
        while self.read():
            pass
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)
