#!/usr/bin/env python3
"""What the flight recorder costs a node: CPU of a durable de-authorization, with the recorder on and off, in turns.

    sip-tests/bench/recorder.py                     # about 4 min
    sip-tests/bench/recorder.py --most 300          # as many as are answered, 300 at a time: throughput, about 3 min

Two nodes run side by side on one core, one with the ring of 64 MiB and one without; SIPp, on the other core, gives one second of load
to one of them, then to the other, then to both in the other order: a round. What a node takes while it rests (timers) is counted
with the round. So both meet the same machine, and rounds are many: what it does beside is seen in how far they differ. The
nodes have no trace file: what is measured is what happens in the way of a message (bytes, transactions, decisions), not
what is written beside it.

Needs sip-tester (Debian)."""
import argparse
import math
import os
import shutil
import statistics

import box
import durable
from box import Boxes

PORTS = {'on': 5071, 'off': 5072}
RING_MIB = {'on': 64, 'off': 0}
# More a second than a node answers.
FASTEST = 25_000


class Side:
    """A node with a folder, a store and users of its own."""

    def __init__(self, boxes, program, name, users):
        self.name, self.port, self.start = name, PORTS[name], boxes.start
        self.folder = os.path.join(boxes.folder, name)
        os.mkdir(self.folder)
        config = durable.example(self, 'b-server')
        with open(config) as file:
            text = file.read().replace(f':{PORTS["on"]}"', f':{self.port}"')
        with open(config, 'w') as file:
            file.write(f'{text}\n[trace]\nring-mib = {RING_MIB[name]}\n')
        durable.fill(self, program, 'b-server', users)
        self.process = boxes.start([program('mcx'), 'run', '--config', config], box.BOX_CPU, {'MCX_LOG': 'warn'})
        box.wait_until_it_answers(self.port, self.process)
        self.take = durable.users(f'{n:06};\n' for n in range(users))

    def load(self, count, rate, most=200_000):
        """How many were answered 200, and in how many seconds."""
        seen = durable.sipp(self, 'deauthorization.xml', self.take(count), 5061, self.port, rate, most)
        if seen['ok'] != seen['sent']:
            print(f"  recorder {self.name}: {seen['ok']} of {seen['sent']} answered 200")
        return seen['ok'], seen['took_s']

    def cpu(self):
        return box.cpu_seconds(self.process.pid)


def between(ratios):
    """The median's interval of confidence (95 %), whatever the distribution: a pair of order statistics."""
    n, ordered = len(ratios), sorted(ratios)
    outside, below = 0, 0
    while below < n // 2 and outside + math.comb(n, below) <= 0.025 * 2 ** n:
        outside += math.comb(n, below)
        below += 1
    below = max(below - 1, 0)
    return ordered[below], ordered[n - 1 - below]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=40)
    parser.add_argument('--rate', type=int, default=4_000)
    parser.add_argument('--count', type=int, help='of each node, twice in each round; as many as one second has')
    parser.add_argument('--warm', type=int, default=45_000, help='before that, twice as fast; the ring is full after about 40,000')
    parser.add_argument('--most', type=int, help='unanswered at a time: as many are sent as are answered')
    parser.add_argument('--programs', help='folder with the release programs; built if it is not given')
    options = parser.parse_args()
    rate, most = (FASTEST, options.most) if options.most else (options.rate, 200_000)
    count = options.count or (10_000 if options.most else options.rate)
    if not shutil.which('sipp'):
        raise SystemExit('sipp is not installed: apt-get install sip-tester')
    program = box.programs(options.programs)
    print(box.machine())
    # What is started from here, unless it says something else.
    os.sched_setaffinity(0, {int(box.LOAD_CPU)})
    each, answered = {'on': [], 'off': []}, {'on': [], 'off': []}
    with Boxes() as boxes:
        sides = [Side(boxes, program, name, options.warm + 2 * options.rounds * count) for name in ('on', 'off')]
        for side in sides:
            side.load(options.warm, 2 * options.rate)
        for round in range(options.rounds):
            before = {side.name: side.cpu() for side in sides}
            done, took = {side.name: 0 for side in sides}, {side.name: 0 for side in sides}
            for side in sides + sides[::-1]:
                ok, seconds = side.load(count, rate, most)
                done[side.name] += ok
                took[side.name] += seconds
            for side in sides:
                each[side.name].append((side.cpu() - before[side.name]) / max(done[side.name], 1) * 1e6)
                answered[side.name].append(done[side.name] / took[side.name])
            print(f"round {round + 1}: {each['on'][-1]:6.2f} µs and {answered['on'][-1]:6.0f}/s on, "
                  f"{each['off'][-1]:6.2f} µs and {answered['off'][-1]:6.0f}/s off", flush=True)
    print('\n| recorder | CPU µs, median | least – most |\n|---|---|---|')
    for name, all in each.items():
        print(f'| {name} | {statistics.median(all):.2f} | {min(all):.2f} – {max(all):.2f} |')
    ratios = [on / off for on, off in zip(each['on'], each['off'])]
    low, high = between(ratios)
    print(f'on / off, median of {len(ratios)} rounds: {statistics.median(ratios):.3f} (95 %: {low:.3f} – {high:.3f})')
    if options.most:
        ratios = [on / off for on, off in zip(answered['on'], answered['off'])]
        low, high = between(ratios)
        print(f'answered a second, on / off, median: {statistics.median(ratios):.3f} (95 %: {low:.3f} – {high:.3f})')
    differences = [on - off for on, off in zip(each['on'], each['off'])]
    low, high = between(differences)
    print(f'on - off, median: {statistics.median(differences):.2f} µs (95 %: {low:.2f} – {high:.2f}); load {os.getloadavg()[0]:.1f} after')


if __name__ == '__main__':
    main()
