"""The usual kind of setting: a whole number that is positive."""

from config import rules
from config.env import Rule, Variable
from config.readers import whole


def number(name: str, default: int, about: str, rule: Rule = rules.POSITIVE) -> Variable:
    return Variable(name=name, read=whole, default=str(default), about=about, rules=(rule,))
