"""Which Spaces there are, and what they are called by now."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import inf

from simhub.life import Life


@dataclass(slots=True)
class Registry:
    """All lives by the ids that they have now; `renames` are (when, new id) by the old one, the last one last."""

    now: Callable[[], float]
    lives: dict[str, Life] = field(default_factory=dict)
    renames: dict[str, tuple[float, str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __len__(self) -> int:
        return len(self.lives)

    def __getitem__(self, id: str) -> Life:
        for old in list(self.renames):
            if old in self.lives and (new := self.renamed(old)) is not None:
                with self._lock:
                    life = self.lives.pop(old)
                    life.space = replace(life.space, id=new)
                    self.lives[new] = life
        return self.lives[id]

    def renamed(self, id: str) -> str | None:
        """Return the new id of what was called `id`, if it has one by now; a name in use again leads nowhere."""
        now = self.now()
        past = {old: (when, number) for number, (old, (when, _)) in enumerate(self.renames.items()) if when <= now}
        again = max((past[old] for old in past if self.renames[old][1] == id), default=(-inf, 0))
        return self.renames[id][1] if past.get(id, again) > again else None

    def next_change(self) -> float:
        """Return when something will be different next; inf where all stays as it is."""
        now = self.now()
        begins = [begin for life in list(self.lives.values()) for begin in life.begins()]
        begins += [when for when, _ in self.renames.values()]
        return min((begin for begin in begins if begin > now), default=inf)
