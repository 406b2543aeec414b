"""Kafka's jars, fetched once into the user's cache folder; later runs need no network.

`class_path()` is called by kafka_server.py. Run as a program it does the fetching, in a process of its own,
so that neither jgo's output nor its warnings reach the tests.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.servers.process import ServerUnavailable

KAFKA_VERSION = "4.1.1"
ENDPOINT = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:1.7.36"
FETCH_SECONDS = 600


def cache_folder() -> Path:
    """Where the jars are kept: `lifecycle-tests` in XDG_CACHE_HOME or ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lifecycle-tests"


def class_path() -> str:
    """The class path of the broker; fetches the jars when they are not in the cache (43 MB, about a minute).

    Two runs may call this at once: one fetches, the other waits. A fetch that was interrupted is begun anew.
    """
    folder = cache_folder() / f"kafka-{KAFKA_VERSION}"
    listing = folder / "class_path.txt"  # written last, so its presence means that the fetch was completed
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with (folder.parent / f"{folder.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            jars = _listed(listing)
            if not jars:
                shutil.rmtree(folder, ignore_errors=True)
                _fetch(folder)
                jars = _listed(listing)
    except OSError as error:
        raise ServerUnavailable(f"Kafka's jars cannot be kept in {folder}: {error}") from error
    return os.pathsep.join(map(str, jars))


def _listed(listing: Path) -> list[Path]:
    """The jars named in the listing; none when it is absent or a jar was removed since."""
    if not listing.exists():
        return []
    jars = [listing.parent / line for line in listing.read_text().splitlines()]
    return jars if all(jar.exists() for jar in jars) else []


def _fetch(folder: Path) -> None:
    # jgo reads these two for its own cache and its Maven repository: the user's ~/.m2 is left alone.
    environment = {**os.environ, "M2_REPO": str(folder / "m2"), "JGO_CACHE_DIR": str(folder / "jgo")}
    command = [sys.executable, "-m", "tests.servers.jars", str(folder)]
    root = Path(__file__).parents[2]
    try:
        done = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, timeout=FETCH_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise ServerUnavailable(
            f"Kafka's jars were not fetched within {FETCH_SECONDS} s; is Maven Central slow?"
        ) from error
    if done.returncode:
        why = (done.stderr.strip() or "no message").splitlines()[-1]
        raise ServerUnavailable(f"Kafka's jars ({ENDPOINT}) could not be fetched from Maven Central: {why}")


def main(folder: Path) -> None:
    """Fetches the jars into the folder and writes down which they are."""
    import jgo  # here, so that this module can be read where the test tools are not installed

    built = jgo.build(ENDPOINT, cache_dir=folder / "jgo").path
    # jgo sorts jars by whether Java would treat them as modules; the broker wants them all on the class path.
    jars = sorted((*built.glob("jars/*.jar"), *built.glob("modules/*.jar")))
    if not any(jar.name.startswith("kafka_") for jar in jars):
        sys.exit(f"jgo put no Kafka jar into {built}; found {[jar.name for jar in jars]}")
    (folder / "class_path.txt").write_text("\n".join(str(jar.relative_to(folder)) for jar in jars))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
