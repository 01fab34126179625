"""A Constant Contact account in memory behind the real V3 API, for trying, testing and demos.

Read it in this order:

    clock, chance      what time it is, and how the dice fall
    records            what an account holds, in Python's own types
    people, mailings   the two halves of an account, with their builders and changes
    segments, texting,
    bulk_activities    how people are chosen, reached by text message, and treated many at once
    text_campaigns,
    landing_pages,
    events, automations,
    social             what else an account does than to send e-mail
    account            all together
    invention,
    population, life   a believable account, and what happens in it as time passes
    switches           what nobody documents about the API
    answers, faults,
    limits, pages,
    envelopes          what a request and its answer are, and what can come between
    oauth              how an application gets its tokens
    routes             one module for each heading of the API
    api                from a request to its answer
    server, sandbox    the API on a local port; all of it together
"""

from constantcontact_sandbox.account import Account
from constantcontact_sandbox.answers import Request, Response
from constantcontact_sandbox.clock import Clock
from constantcontact_sandbox.faults import Fault
from constantcontact_sandbox.sandbox import Asked, Sandbox
from constantcontact_sandbox.switches import Switches

__all__ = ["Account", "Asked", "Clock", "Fault", "Request", "Response", "Sandbox", "Switches"]
