"""A Singer tap for the Constant Contact V3 API.

Read it in the order in which data flows:

    settings → planner → fetcher → streams → emitter → stdout
               what to   pages     rows      messages
               ask

The fetcher asks through the `transport`, which `auth` signs, the `pacer` paces and the
`allowance` bounds. The `ledger` owns the state; the `store` keeps what outlives a run and is no
state, `traces` of rows among it that no state covers yet. `run` turns the crank and `tap` wires it
all into the SDK. `alone` sees that no other run's state is taken for this one's.
"""
