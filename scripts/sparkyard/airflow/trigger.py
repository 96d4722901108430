"""Waits for one application in the triggerer, beside a thousand others; keeps nothing, so that another triggerer can take over."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from typing import Any, TypeVar

from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async

from sparkyard.airflow.bell import hang_up
from sparkyard.errors import ClusterError
from sparkyard.kube import Kube
from sparkyard.runs.attempt import cancel_attempt
from sparkyard.runs.watch import Watch

Result = TypeVar("Result")
CANCELLING: set[asyncio.Task[None]] = set()  # kept from the garbage collector until done
PATIENCE, PAUSE = 600.0, 2.0  # seconds, of a kill: an API server or a webhook that restarts must not let its application run on
# Seconds. A scheduler that has not heard yet, after five seconds, that a task was deferred fails it when it is resumed.
EARLIEST = 10.0
LOOKERS = ThreadPoolExecutor(16, thread_name_prefix="sparkyard-look")  # a look takes milliseconds


@cache
def connect() -> Kube:
    return Kube()


async def apart(work: Callable[..., Result], *arguments: Any) -> Result:
    """Off the event loop, which all triggers share."""
    return await asyncio.get_running_loop().run_in_executor(LOOKERS, work, *arguments)


class ApplicationTrigger(BaseTrigger):
    def __init__(self, *, namespace: str, name: str, uid: str, attempt: int, stuck_after: float) -> None:
        super().__init__()
        self.what = {"namespace": namespace, "name": name, "uid": uid, "attempt": attempt, "stuck_after": stuck_after}
        self.place, self.uid, self.attempt, self.stuck_after = (namespace, name), uid, attempt, stuck_after

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{type(self).__module__}.{type(self).__name__}", self.what

    async def run(self) -> AsyncIterator[TriggerEvent]:
        begin = time.monotonic()
        watch = Watch(await apart(connect), *self.place, self.uid, stuck_after=self.stuck_after)
        namespace, name = self.place
        bell = hang_up(asyncio.get_running_loop(), connect, namespace)
        try:
            while not watch.over:
                ring = bell.of(name)
                ring.clear()
                for line in await apart(watch.look):
                    self.log.info("%s", line)
                if not watch.over:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(ring.wait(), watch.pause)
        finally:
            bell.forget(name)
        await asyncio.sleep(max(0.0, begin + EARLIEST - time.monotonic()))
        yield TriggerEvent({"trouble": watch.trouble, "used": list(watch.meter.used), "said": watch.said})

    async def on_kill(self) -> None:
        """A person killed or cleared the task. Airflow waits 30 s for this, which a busy machine exceeds: it goes on by itself then."""
        task = asyncio.create_task(self._cancel())
        CANCELLING.add(task)
        task.add_done_callback(CANCELLING.discard)
        await asyncio.shield(task)

    async def _cancel(self) -> None:
        """A triggerer that lost this trigger to another is told the same as one whose task was killed, and must not stop it."""
        if await self._is_still_waiting():
            return
        deadline = time.monotonic() + PATIENCE
        while (trouble := await self._try_to_cancel()) and time.monotonic() < deadline:
            self.log.warning("application %s/%s is not cancelled yet: %s", *self.place, trouble)
            await asyncio.sleep(PAUSE)
        if trouble:
            self.log.error("application %s/%s could not be cancelled and may run on: %s", *self.place, trouble)

    async def _try_to_cancel(self) -> str:
        """What stood in the way; empty when all is done."""
        try:
            cancelled = await apart(cancel_attempt, await apart(connect), *self.place, self.attempt)
        except ClusterError as error:
            return str(error)
        self.log.info("application %s/%s %s", *self.place, "is being cancelled" if cancelled else "needs no cancelling")
        return ""

    async def _is_still_waiting(self) -> bool:
        ti = self.task_instance
        if ti is None:
            return False
        ask = sync_to_async(RuntimeTaskInstance.get_task_states)
        states = await ask(dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id], map_index=ti.map_index)
        key = ti.task_id if ti.map_index < 0 else f"{ti.task_id}_{ti.map_index}"
        return bool(states.get(ti.run_id, {}).get(key) == "deferred")
