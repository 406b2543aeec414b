"""The faust app: the shell that a worker runs in, made by a function from settings.

faust gives the process, signals, supervision, web server and, for low-volume consumers, agents. It does not
read touchpoints: intake.py says why. As long as an app has no agents, faust's own consumer and producer are
not started, so that a broker that is away at start is waited for in one place (the intake).

For agents these settings are the ones that lose nothing (docs/adr): raw serializers, one at a time, no tables,
no topics declared by workers. An agent takes `stream.noack().events()` with mode's CrashingSupervisor.

/metrics, /health and /readyz are served here, from the loop that does the work: when it hangs, all go silent.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from typing import Any

import faust
from faust.app.base import BootStrategy

from lifecycle.metrics import Metrics
from lifecycle.settings import Settings
from lifecycle.streams.connection import faust_arguments

HEALTH_SECONDS = 3.0
"""Longest time that the check behind /health may take before it counts as failed."""

METRICS_TYPE = "text/plain; version=0.0.4"

HealthCheck = Callable[[], Awaitable[str | None]]
"""Returns what is wrong, in a sentence, or None."""


class _OnlyForAgents(BootStrategy):
    """Starts faust's own Kafka clients if and only if there is an agent to serve."""

    def _should_enable_kafka_consumer(self) -> bool:
        return bool(self.app.agents)

    def _should_enable_kafka_producer(self) -> bool:
        return bool(self.app.agents)


class LifecycleApp(faust.App):
    """A faust app with our boot strategy."""

    BootStrategy = _OnlyForAgents


def build_app(settings: Settings, metrics: Metrics, *, health: HealthCheck, ready: HealthCheck) -> Any:
    """Return the app of one worker process. Services are added by worker.py, agents by whoever needs them.

    The group of agents is `GROUP-agents`: never the intake's group, whose partitions mean ownership.
    """
    app = LifecycleApp(
        id=f"{settings.group}-agents",
        **faust_arguments(settings),
        autodiscover=False,
        store="memory://",
        datadir=tempfile.gettempdir(),
        key_serializer="raw",
        value_serializer="raw",
        topic_disable_leader=True,
        topic_allow_declare=False,
        table_standby_replicas=0,
        stream_wait_empty=True,
        broker_commit_interval=1.0,
        broker_session_timeout=settings.session_timeout_seconds,
        web_enabled=settings.web_port != 0,
        web_port=settings.web_port or 6066,
        web_bind="0.0.0.0",
        web_router_enabled=False,
        web_tables_enabled=False,
        web_stats_enabled=False,
        web_graph_enabled=False,
        web_metrics_enabled=False,
        worker_redirect_stdouts=False,
    )

    @app.page("/metrics")
    async def serve_metrics(view: Any, request: Any) -> Any:
        return view.bytes(metrics.text(), content_type=METRICS_TYPE)

    async def answer(view: Any, word: str, check: HealthCheck) -> Any:
        try:
            wrong = await asyncio.wait_for(check(), HEALTH_SECONDS)
        except TimeoutError:
            wrong = f"no answer within {HEALTH_SECONDS:.0f} s"
        return view.json({word: wrong is None, "wrong": wrong}, status=200 if wrong is None else 503)

    @app.page("/health")
    async def serve_health(view: Any, request: Any) -> Any:
        return await answer(view, "healthy", health)

    @app.page("/readyz")
    async def serve_ready(view: Any, request: Any) -> Any:
        return await answer(view, "ready", ready)

    return app
