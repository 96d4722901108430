"""The share agent: keeps every share of shares.json mounted on this node, and says of each how it stands.

ROOT/NAME/files is where a share's files appear, ROOT/NAME/state.json says why they do not. Consumers mount ROOT/NAME, so that they see
a share that is mounted anew. A change of shares.json or of a Secret's files touches only the shares that it names."""

import logging
import signal
import sys
import threading
from pathlib import Path

from share_agent.mounts import FILES, detach, forget_state, list_mounts
from share_agent.place import Place, parse_places
from share_agent.share import Share
from share_agent.status import serve

log = logging.getLogger("shares")
CONFIG, SECRETS = Path("/etc/sparkyard/config/shares.json"), Path("/etc/sparkyard/secrets")
PORT = 8080
LOOK = 5.0  # seconds between looks at shares.json


def sweep(root: Path, wanted: set[str]) -> None:
    """What an agent before this one left: its mounts are dead, and shares may be gone from the list."""
    for place in list_mounts(root):
        detach(place)
    for folder in root.glob(f"*/{FILES}"):
        if folder.parent.name not in wanted:
            forget_state(folder.parent)


def follow(shares: dict[Place, Share], places: list[Place]) -> None:
    """Ends what is no longer listed, or listed differently, before what is new begins: it may be the same folder."""
    for place in [place for place in shares if place not in places]:
        share = shares.pop(place)
        share.ended.set()
        share.join(30)
        forget_state(place.folder)
    for place in places:
        if place not in shares:
            shares[place] = Share(place, SECRETS)
            shares[place].start()


def main() -> int:
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s %(message)s")
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    shares: dict[Place, Share] = {}
    places = parse_places(CONFIG.read_text())
    for root in {Path(place.root) for place in places}:
        sweep(root, {place.name for place in places})
    follow(shares, places)
    serve(shares, PORT)
    while not ended.wait(LOOK):
        follow(shares, parse_places(CONFIG.read_text()))
    for share in shares.values():
        share.ended.set()
    for share in shares.values():
        share.join(8)
    return 0


if __name__ == "__main__":
    sys.exit(main())
