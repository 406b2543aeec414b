"""The walk that folds people again after another policy, or another format of snapshots, became active.

It goes through the people by id and begins again until a whole pass has found nobody: so it passes nobody who was
written by the old policy while it was under way. Once nobody is found, nobody can come: a commit that was decided
by another policy is refused (store/fence.py). Called by the engine alone, which folds whom it finds.
"""

from __future__ import annotations

from collections.abc import Collection

from lifecycle.store.store import Store


class Walk:
    """Finds the people of another policy, page by page. Not safe for threads: the engine's uses it."""

    def __init__(self, store: Store, policy_hash: str, snapshot_format: int) -> None:
        self._store = store
        self._active = (policy_hash, snapshot_format)
        self._whose: frozenset[int] | None = frozenset()
        self._after = ""
        self._everybody_is_done = False
        self._done: frozenset[int] = frozenset()

    def page(self, partitions: Collection[int] | None, limit: int) -> list[str]:
        """Return the next people to be folded again in these partitions (None: in all); empty: there are none.

        To be called until it is empty, each page folded before the next one is asked for.
        """
        whose = None if partitions is None else frozenset(partitions) - self._done
        if self._everybody_is_done or (whose is not None and not whose):
            return []
        if whose != self._whose:
            self._whose, self._after = whose, ""
        while True:
            found = self._store.people_by_other_policies(whose, *self._active, self._after, limit)
            if found:
                self._after = found[-1]
                return found
            if self._after == "":
                break
            self._after = ""
        if whose is None:
            self._everybody_is_done = True
        else:
            self._done |= whose
        return []
