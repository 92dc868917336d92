"""One running copy of Headway: the parts, the tables, and the processes over them."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import httpx

from features.store import apply, open_feature_store
from firm.access import Caller
from firm.declared import Role
from firm.store import SqlStore
from headway.catalogue import declared
from headway.children import Program
from headway.keys import make_key
from headway.metrics import empty_folder
from headway.parts import Parts, free_port
from headway.parts.server import Progress
from headway.schemas import make_schemas, schema_url
from headway.settings import Settings
from headway.supervisor import Supervisor
from headway.workers import programs
from training.server import command


class Copy:
    """A running copy; a context manager that stops all it has started, the last first.

    Attributes:
        settings: with the addresses at which everything serves.
        worker, api, monitor, psa, mlflow, registrar, dispatcher, retrain: the processes; `psa` is
            None where a real system is set, `retrain` where no cycle is.
    """

    def __init__(self, parts: Parts, settings: Settings, say: Progress) -> None:
        self._say = say
        self.parts = parts
        actions = free_port()
        self.settings = settings.at(parts.addresses).model_copy(
            update={
                "port": settings.port or free_port(),
                "metrics": empty_folder(settings.home / "metrics"),
                "actions_url": settings.actions_url or f"http://127.0.0.1:{actions}",
            }
        )
        self.store = SqlStore(self.settings.database or "", settings.audit_key())
        home, env = settings.home.resolve(), self.settings.environment()
        self.worker = Program.headway("worker", home, env)
        self.api, *self.more_api = programs(self.settings, env)
        self.monitor = Program.headway("monitor", home, env)
        self.psa = None if settings.actions_url else Program.headway("psa", home, env, str(actions))
        hours = settings.retrain_hours
        self.retrain = Program.headway("retrain", home, env, f"{hours:g}") if hours else None
        pages = free_port()
        tracking = schema_url(self.settings.database or "", "mlflow")
        argv, switches = command(tracking, settings.artifacts, pages)
        self.mlflow = Program("mlflow", argv, home, switches)
        self.mlflow_url = f"http://127.0.0.1:{pages}"
        self.registrar = Program.headway("registrar", home, env, self.mlflow_url)
        self.dispatcher = Program.headway("dispatcher", home, env)
        self._supervisor = Supervisor(
            [*parts.servers, *self._children()],
            [self.api, *self.more_api],
            settings.hung_seconds,
            settings.start_seconds,
        )

    @classmethod
    def start(cls, settings: Settings, say: Progress) -> Self:
        """Start everything that is not external; returns when events can be sent and scores asked.

        MLflow's pages come up later, in their own time: nothing that scores depends on them.

        Raises PartError or ProcessEnded if something does not come up; nothing is left running.
        """
        parts = Parts.start(
            settings.home, cache=settings.cache_folder, external=settings.external, on_progress=say
        )
        copy = cls(parts, settings, say)
        try:
            copy._begin()
        except BaseException:
            copy.stop()
            raise
        return copy

    @property
    def api_url(self) -> str:
        """Where the API answers."""
        return f"http://{self.settings.host}:{self.settings.port}"

    def client(self, name: str, *roles: Role) -> httpx.Client:
        """A client of the API with a key of its own, for a day, once the API knows the key."""
        caller = Caller(name, frozenset(roles))
        token = make_key(self.settings, self.store, caller, by=name, days=1)
        headers = {"Authorization": f"Bearer {token}"}
        client = httpx.Client(base_url=self.api_url, headers=headers, timeout=30)
        unknown = httpx.codes.UNAUTHORIZED
        self.api.wait_for(lambda: client.get("/v1/workflows").status_code != unknown, 10)
        return client

    def actions_performed(self) -> dict[str, int]:
        """What the simulated system of record was asked to do, by kind; empty for a real one."""
        if self.psa is None:
            return {}
        counts: dict[str, int] = httpx.get(f"{self.settings.actions_url}/actions").json()
        return counts

    def stop(self) -> None:
        """Stop everything that was started."""
        self._supervisor.stop()
        for child in self._children():
            child.stop()
        self.store.close()
        self.parts.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _begin(self) -> None:
        make_schemas(self.settings.database or "")
        self.store.migrate()
        self.store.forget_served()
        for child in self._children():
            child.start()
        feast = open_feature_store(
            self.settings.redis or "",
            schema_url(self.settings.database or "", "feast"),
            self.settings.offline_folder,
        )
        apply(declared().values(), feast)
        self._say("the tables and Feast's registry are ready")
        self.api.wait_for(
            lambda: _answers(f"{self.api_url}/health/live"), self.settings.start_seconds
        )
        self._say(f"the stream and the API are up: {self.api_url}")
        self._supervisor.start()

    def _children(self) -> list[Program]:
        watching = (self.monitor, self.registrar, self.dispatcher, self.retrain)
        children = (self.psa, self.worker, self.api, *self.more_api, self.mlflow, *watching)
        return [child for child in children if child is not None]


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=1.0).is_success
    except httpx.HTTPError:
        return False
