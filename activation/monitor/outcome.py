"""What became of a message that was handed to a channel. Pure.

Three outcomes, not two: a channel that took the message and did not answer in time is neither
one that has it nor one that refused it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """`perhaps`: it may have arrived, for the channel had it and did not answer.

    `reason`: why it is not known to have arrived. It names the channel's code, and quotes
    neither a URL nor what the channel wrote.
    """

    arrived: bool
    reason: str = ""
    perhaps: bool = False

    @property
    def words(self) -> str:
        """For people: what became of it."""
        if self.arrived:
            return "arrived"
        return f"{'no answer' if self.perhaps else 'not taken'}: {self.reason}"


ARRIVED = Outcome(arrived=True)


def refused(reason: str) -> Outcome:
    """It did not arrive, and can be sent anew."""
    return Outcome(arrived=False, reason=reason)


def unanswered(reason: str) -> Outcome:
    """It may have arrived."""
    return Outcome(arrived=False, reason=reason, perhaps=True)
