"""What somebody may see of a session: customers may be shown less than agents and admins.

Sessions and events are projected before they are written, so that what writes them has nothing to
hide. A person of whom the reader may know only the type has an empty id.
"""

from dataclasses import dataclass, replace

from hadir.domain.identity import Person, UserType
from hadir.domain.past import Past
from hadir.domain.roles import CustomersSee
from hadir.domain.session import (
    AssignmentEvent,
    Event,
    MessageEvent,
    PresenceEvent,
    Session,
    StateEvent,
    UnknownEvent,
    Unlisted,
)


@dataclass(frozen=True, slots=True)
class Projection:
    """What a reader may see.

    Every method takes as ``own`` the reader, if it is they alone who read the result: what is
    theirs they may see.
    """

    sees: CustomersSee

    def person(self, person: Person, own: Person | None = None) -> Person:
        """The person, without an id if the reader may not know it."""
        is_shown = person == own or self._shows(person.user_type)
        return person if is_shown else Person(person.user_type, "")

    def writer(self, person: Person, own: Person | None = None) -> Person | None:
        """Who is told to be writing: nobody, if it is a customer whom the reader may not know."""
        shown = self.person(person, own)
        return shown if shown.user_id or shown.user_type.is_staff else None

    def session(self, session: Session, own: Person | None = None) -> Session:
        """The session, with as many people as there are, but some of them not listed."""
        if self.sees is CustomersSee.EVERYBODY:
            return session
        people = tuple(each for each in session.people if self._lists(each.person, own))
        hidden = [each.person for each in session.people if not self._lists(each.person, own)]
        holder = session.holder and self.person(session.holder, own)
        return replace(session, people=people, holder=holder, unlisted=_counted(hidden))

    def past(self, past: Past, own: Person | None = None) -> Past:
        """The same of who was there."""
        if self.sees is CustomersSee.EVERYBODY:
            return past
        people = {each: since for each, since in past.people.items() if self._lists(each, own)}
        hidden = [each for each in past.people if not self._lists(each, own)]
        return replace(past, people=people, unlisted=_counted(hidden))

    def event(self, event: Event, own: Person | None = None) -> Event:
        """The event; only its place and time, if it is about somebody the reader may not know."""
        if self.sees is CustomersSee.EVERYBODY:
            return event
        match event:
            case PresenceEvent() | StateEvent():
                is_shown = self.person(event.person, own) == event.person
                return event if is_shown else UnknownEvent(event.version, event.at)
            case MessageEvent():
                return replace(event, person=self.person(event.person, own))
            case AssignmentEvent():
                person = event.person and self.person(event.person, own)
                return replace(event, person=person, by=event.by and self.person(event.by, own))
            case UnknownEvent():
                return event

    def _shows(self, user_type: UserType) -> bool:
        if self.sees is CustomersSee.AGENTS:
            return user_type.is_staff
        return self.sees is CustomersSee.EVERYBODY

    def _lists(self, person: Person, own: Person | None) -> bool:
        """Whether the person is in the status: of counts, not even the reader."""
        is_own = person == own and self.sees is not CustomersSee.COUNTS
        return is_own or self._shows(person.user_type)


EVERYTHING = Projection(CustomersSee.EVERYBODY)


def shown_to(reader: Person | None, customers_see: CustomersSee) -> Projection:
    """What ``reader`` may see; None: it is not known who reads."""
    return Projection(customers_see) if customers_see.limits(reader) else EVERYTHING


def _counted(people: list[Person]) -> Unlisted:
    agents = sum(each.user_type.is_staff for each in people)
    return Unlisted(len(people) - agents, agents)
