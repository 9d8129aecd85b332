"""Filters of the back office over words that are known, so that no table is read to find them."""

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest

Choices = Iterable[tuple[str, str]]


def by_word(column: str, words: Callable[[], Choices]) -> type[SimpleListFilter]:
    """A filter of this column by (word, label); what ``words`` answers is asked each time."""

    class ByWord(SimpleListFilter):
        title = column.replace("_", " ")
        parameter_name = column

        def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
            return list(words())

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            chosen = self.value()
            return queryset.filter(**{column: chosen}) if chosen else queryset

    return ByWord


def plain(*words: str) -> Callable[[], Choices]:
    """Words that are their own labels."""
    return lambda: [(word, word.replace("_", " ").capitalize()) for word in words]
