"""The core: a state machine that takes events and returns actions.

`owner` decides, by the transitions of `rules`, over the jobs in `memory`. `commands` reads what pages ask
for, `outage` is the circuit breaker, `events` lists what goes in and what comes out. Nothing here waits,
draws time or randomness, or imports `js`.
"""
