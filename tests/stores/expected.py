"""Where a store cannot do what a scenario asks for, and why. A scenario that fails otherwise, or holds although it must not, is red."""
import dataclasses
import re


@dataclasses.dataclass(frozen=True)
class Difference:
    """error: what the failing scenario says. always: False if it depends on who comes first."""
    reason: str
    error: str
    always: bool = True

    def explains(self, text):
        return re.search(self.error, text) is not None


# By (store, function of scenarios.py).
DIFFERENCES = {}

# What no scenario shows, and is true of the store all the same.
NOTES = {
    "versitygw": [],
    "SeaweedFS": [],
    "rclone": [],
    "s3proxy": [],
}
