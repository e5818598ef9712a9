"""Random programs that end by themselves, written in the most misleading way the lexer has to cope with."""

from __future__ import annotations

from random import Random

BLANKS = (
    " ", "  ", "\n", "\t", "\r\n", "\n\r", "\r", "\v", "\f", "--x\n", "--\n", "--[[ while true do end ]] ", "--[==[ ]] ]=] end ]==] ",
    "----[[\n", "-- --[[ x\n", "--[=\n", "--[[\n]]", "--'\n", '--"\r', "--[[]]", "-- do function repeat\n", "--\\\n",
)  # fmt: skip
SAME_LINE = tuple(blank for blank in BLANKS if "\n" not in blank and "\r" not in blank)
STRINGS = (
    '""', "''", '"--[["', '"--]]"', "'[[ do'", '"\\""', "'\\''", '"\\\\"', '"while true do end"', "[[ function( ]]",
    "[==[ ]] ]=] ]==]", "[[\n]]", '"a\\\nb"', '"a\\\r\nb"', '"a\\z \n  b"', '"\\z"', '"\\65\\x41\\u{48}"', '"é\\255"',
    "'repeat until ('", '"::x::"', "[[--]]", '"]]"', "'\\\\'", '"end end end"',
)  # fmt: skip
NUMBERS = (
    "0", "1", "3", "7", "0x10", "0xA", "1e2", "1E+1", "2e-1", ".5", "3.", "0x.8p1", "0x1p+2", "0xep1", "1e1", "12.5",
)  # fmt: skip
NAMES = ("a", "b", "c", "é", "_end", "do_", "x1", "gotox", "fn")
BINARY = ("+", "-", "*", "..", "==", "~=", "and", "or", "<", "<=", "%", "/", ">")


class Author:
    """Writes one program; every loop counts to a small number, every function is called at most a few times."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._fresh = 0

    def program(self) -> str:
        first = self._pick(("", "#!shebang\n", "--[[x]]", ""))
        return (
            first
            + "".join(self._join(["local", "a", ",", "b", ",", "c", "=", "1", ",", "2", ",", "'3'", ";"]))
            + self._block(3)
        )

    def _pick(self, choices: tuple[str, ...]) -> str:
        return self._random.choice(choices)

    def _join(self, words: list[str]) -> str:
        return "".join(word + self._blank(word, after) for word, after in zip(words, [*words[1:], ""], strict=True))

    def _blank(self, word: str, after: str) -> str:
        choices = SAME_LINE if after.startswith("(") else BLANKS  # a "(" on a line of its own is an error
        blank = self._pick(choices) if self._random.random() < 0.3 else " "
        return " " + blank if word == "-" else blank

    def _name(self) -> str:
        self._fresh += 1
        return f"n{self._fresh}"

    def _block(self, depth: int) -> str:
        return "".join(self._statement(depth) for _ in range(self._random.randint(1, 4)))

    def _expression(self, depth: int = 2) -> str:
        kind = self._random.random()
        if depth == 0 or kind < 0.2:
            return self._pick(NAMES + NUMBERS + STRINGS + ("nil", "true", "false", "{}"))
        if kind < 0.55:
            return self._join(["(", self._expression(depth - 1), self._pick(BINARY), self._expression(depth - 1), ")"])
        if kind < 0.65:
            return self._join(["not", self._expression(depth - 1)])
        if kind < 0.75:
            return self._join(["{", self._expression(depth - 1), ",", "goto", "=", self._expression(depth - 1), "}"])
        if kind < 0.85:
            return self._join(
                ["(", "function", "(", "x", ",", "...", ")", "return", self._expression(depth - 1), "end", ")"]
            )
        if kind < 0.95:
            return self._join(["emit", "(", self._expression(depth - 1), ")"])
        return self._join(["#", self._pick(STRINGS)])

    def _statement(self, depth: int) -> str:
        simple = (self._local, self._assign, self._emit, self._fields)
        nested = (
            self._if,
            self._while,
            self._repeat,
            self._for,
            self._generic,
            self._do,
            self._function,
            self._goto,
            self._back,
        )
        chosen = self._random.choice(simple + nested if depth else simple)
        return chosen(depth - 1)

    def _local(self, depth: int) -> str:
        return self._join(["local", self._pick(NAMES), "=", self._expression()])

    def _assign(self, depth: int) -> str:
        return self._join([self._pick(NAMES), ",", self._pick(NAMES), "=", self._expression(), ",", self._expression()])

    def _emit(self, depth: int) -> str:
        return self._join(["emit", "(", self._expression(), ",", self._expression(), ")", ";"])

    def _fields(self, depth: int) -> str:
        t = self._name()
        return self._join(
            ["local", t, "=", "{", "}", t, ".", "goto", "=", self._expression(), "emit", "(", t, ".", "goto", ")", ";"]
        )

    def _if(self, depth: int) -> str:
        return (
            self._join(["if", self._expression(), "then"])
            + self._block(depth)
            + self._join(["elseif", self._expression(), "then"])
            + self._block(depth)
            + self._join(["else"])
            + self._block(depth)
            + self._join(["end"])
        )

    def _while(self, depth: int) -> str:
        n = self._name()
        return (
            self._join(["local", n, "=", "0", "while", n, "<", "3", "do", n, "=", n, "+", "1"])
            + self._block(depth)
            + self._join(["if", self._expression(), "then", "break", "end", "end"])
        )

    def _repeat(self, depth: int) -> str:
        n = self._name()
        return (
            self._join(["local", n, "=", "0", "repeat", n, "=", n, "+", "1"])
            + self._block(depth)
            + self._join(["local", n + "x", "=", n, "until", n + "x", ">", "2"])
        )

    def _for(self, depth: int) -> str:
        return self._join(["for", self._name(), "=", "1", ",", "3", "do"]) + self._block(depth) + self._join(["end"])

    def _generic(self, depth: int) -> str:
        k, v = self._name(), self._name()
        return (
            self._join(["for", k, ",", v, "in", "ipairs", "(", "{", "1", ",", "2", "}", ")", "do"])
            + self._block(depth)
            + self._join(["emit", "(", k, ",", v, ")", "end"])
        )

    def _do(self, depth: int) -> str:
        return self._join(["do"]) + self._block(depth) + self._join(["end"])

    def _function(self, depth: int) -> str:
        f = self._name()
        return (
            self._join(["local", "function", f, "(", "x", ",", "...", ")"])
            + self._block(depth)
            + self._join(["return", self._expression(), "end", "emit", "(", f, "(", self._expression(), ")", ")", ";"])
        )

    def _goto(self, depth: int) -> str:
        label = self._name()
        return self._join(
            ["for", self._name(), "=", "1", ",", "2", "do", "if", self._expression(), "then", "goto", label, "end"]
        ) + (self._join(["do"]) + self._block(depth) + self._join(["end", "::", label, "::", "end"]))

    def _back(self, depth: int) -> str:
        n, label = self._name(), self._name()
        return (
            self._join(["do", "local", n, "=", "0", "::", label, "::", n, "=", n, "+", "1", "do"])
            + self._block(depth)
            + self._join(["end", "if", n, "<", "3", "then", "goto", label, "end", "end"])
        )
