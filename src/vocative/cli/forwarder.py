"""The process that keeps destinations up to date, each in a thread of its own.

Started by `vocative serve` when there are destinations; it ends when its parent does.
"""

from vocative.cli.puller import main
from vocative.deliver.syncing.runner import Runner

if __name__ == "__main__":
    main("destinations", Runner)
