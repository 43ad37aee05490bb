"""Pull Vocative's sources, each as a task of its own, then bring the segments up to date.

Copy this file into Airflow's folder of DAGs. It needs the provider `http` and a connection named
`vocative`: the host is Vocative's address, the password its API key if it has one. A run may name
what to pull: `{"sources": ["shop", "crm"]}`; unless it does, every source that can be pulled is.
"""

from datetime import timedelta
from typing import Any

import pendulum
from airflow.exceptions import AirflowException
from airflow.providers.http.hooks.http import HttpHook
from airflow.sdk import PokeReturnValue, dag, get_current_context, task

CONNECTION = "vocative"
MOST_HOURS = 6


def ask(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """One request to Vocative's API; its answer as JSON."""
    hook = HttpHook(method=method, http_conn_id=CONNECTION)
    key = hook.get_connection(CONNECTION).password
    headers = {"authorization": f"Bearer {key}"} if key else {}
    given = {"data": body} if method == "GET" else {"json": body or {}}
    return hook.run(path, headers=headers, **given).json()


@dag(
    schedule="0 4 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=2)},
    params={"sources": []},
    doc_md=__doc__,
)
def vocative_sources() -> None:
    """Every night at four."""

    @task
    def sources() -> list[str]:
        """What to pull."""
        named: list[str] = get_current_context()["params"]["sources"]
        if named:
            return named
        return [one["name"] for one in ask("GET", "/api/sources") if one["every_seconds"]]

    @task
    def pull(source: str) -> str:
        """Ask for a pull; asking twice for one that waits asks once."""
        run: str = ask("POST", f"/api/sources/{source}/pull")["run"]
        return run

    @task.sensor(poke_interval=30, timeout=MOST_HOURS * 3_600, mode="reschedule")
    def pulled(run: str) -> PokeReturnValue:
        """Wait until it is done, without holding a worker."""
        found = ask("GET", f"/api/source-runs/{run}")
        if found["state"] == "failed":
            raise AirflowException(f"{found['source']}: {found['error']}")
        counts = {name: found[name] for name in ("source", "events", "items", "rejected")}
        return PokeReturnValue(is_done=found["state"] == "done", xcom_value=counts)

    @task
    def segments() -> Any:
        """Apply what came in, once everything is there."""
        return ask("POST", "/api/segments/recompute")

    pulled.expand(run=pull.expand(source=sources())) >> segments()


vocative_sources()
