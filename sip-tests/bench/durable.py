#!/usr/bin/env python3
"""Durable de-authorizations: how many a second are answered 200, each after its commit, without one being sent again.

    sip-tests/bench/durable.py                  # the partner's node, beside Kamailio with PostgreSQL, in turns
    sip-tests/bench/durable.py --beyond         # the partner's node, offered three times as much as is clean
    sip-tests/bench/durable.py --chain          # A, its gateway, B's gateway, B: from the user's PUBLISH to B's commit

SIPp sends at one rate after the other, a few seconds each; every request is of another user who is migrated, and sent again
after 500 ms. A rate is clean when all were answered 200 and none was sent again. Everything shares the same two cores.

Needs sip-tester, and for the comparison kamailio, kamailio-postgres-modules and postgresql (Debian packages)."""
import argparse
import csv
import glob
import json
import os
import pwd
import shutil
import statistics
import subprocess
import time

import box
from box import BENCH, HOST, PROJECT, Boxes

CORES = '0,1'
RATES = (1_000, 2_000, 3_000, 4_000, 6_000, 8_000, 10_000, 12_000, 14_000, 16_000, 20_000, 24_000)
DATABASE = 5499


def example(boxes, name, folder='direct'):
    """An example configuration on our address, with its files in the folder of the boxes."""
    with open(os.path.join(PROJECT, 'docs', 'loopback', folder, f'{name}.toml')) as file:
        text = file.read().replace('127.0.0.1', HOST)
    path = os.path.join(boxes.folder, f'{name}.toml')
    with open(path, 'w') as file:
        file.write(text.replace('../keys', os.path.join(PROJECT, 'docs', 'loopback', 'keys')))
    return path


def fill(boxes, program, name, users, *more):
    store = os.path.join(boxes.folder, f'{name}.sqlite')
    if boxes.start([program('visitors'), store, str(users), *more], CORES).wait() != 0:
        raise SystemExit('the store cannot be filled')


def node(boxes, program, config, port):
    # Decisions are logged at `info`; a node under load says warnings alone.
    started = boxes.start([program('mcx'), 'run', '--config', config], CORES, {'MCX_LOG': 'warn'})
    box.wait_until_it_answers(port, started)
    return started


def postgres(boxes):
    """A database server of its own, with PostgreSQL's default settings for what is durable."""
    bin = sorted(glob.glob('/usr/lib/postgresql/*/bin'))[-1]
    data = os.path.join(boxes.folder, 'postgres')
    os.mkdir(data)
    run = []
    if os.getuid() == 0:
        # It refuses to run as root.
        owner = pwd.getpwnam('postgres')
        os.chmod(boxes.folder, 0o755)
        os.chown(data, owner.pw_uid, owner.pw_gid)
        run = ['setpriv', f'--reuid={owner.pw_uid}', f'--regid={owner.pw_gid}', '--clear-groups']
    quiet = {'stdout': subprocess.DEVNULL, 'check': True, 'cwd': data}
    subprocess.run([*run, f'{bin}/initdb', '-D', f'{data}/db', '-U', 'bench', '--auth=trust', '-E', 'UTF8'], **quiet)
    server = boxes.start([*run, f'{bin}/postgres', '-D', f'{data}/db', '-k', data, '-h', HOST, '-p', str(DATABASE)], CORES)
    psql = [f'{bin}/psql', '-q', '-h', HOST, '-p', str(DATABASE), '-U', 'bench']
    for _ in range(200):
        if subprocess.run([*psql, '-d', 'postgres', '-c', 'SELECT 1'], capture_output=True).returncode == 0:
            break
        time.sleep(0.1)
    # The table that the example's store has for mappings, as far as this procedure reads and writes it.
    table = 'CREATE TABLE mapping (primary_id text PRIMARY KEY, phase text NOT NULL, stay bigint, since timestamptz)'
    subprocess.run([*psql, '-d', 'postgres', '-c', 'CREATE DATABASE bench'], **quiet)
    subprocess.run([*psql, '-d', 'bench', '-c', table], **quiet)
    return server, [*psql, '-d', 'bench']


def sipp(boxes, scenario, lines, at, to, rate, most=200_000):
    """Sends one request a line at that rate, with `most` unanswered ones at a time; what SIPp counted."""
    rows, counts = os.path.join(boxes.folder, 'rows.csv'), os.path.join(boxes.folder, 'counts.csv')
    with open(rows, 'w') as file:
        file.write('SEQUENTIAL\n' + ''.join(lines))
    if os.path.exists(counts):
        os.remove(counts)
    began = time.monotonic()
    subprocess.run(['sipp', f'{HOST}:{to}', '-sf', os.path.join(BENCH, scenario), '-inf', rows, '-i', HOST, '-p', str(at),
                    '-r', str(rate), '-m', str(len(lines)), '-l', str(most), '-nostdin', '-trace_stat', '-stf', counts,
                    '-fd', '1', '-buff_size', str(8 << 20), '-timeout', '60'],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=boxes.folder, check=False)
    took = time.monotonic() - began
    with open(counts) as file:
        last = list(csv.DictReader(file, delimiter=';'))[-1]
    buckets = [(name.split('_', 1)[1], int(value)) for name, value in last.items()
               if name and name.startswith('ResponseTimeRepartition1_') and value]
    total, seen, p99 = sum(n for _, n in buckets), 0, '-'
    for name, n in buckets:
        seen += n
        if total and seen >= 0.99 * total:
            p99 = name
            break
    return {'sent': len(lines), 'ok': int(last['SuccessfulCall(C)']), 'again': int(last['Retransmissions(C)']),
            'p99_ms': p99, 'took_s': took}


def success(counts, after):
    """How many had been answered 200, and how many not, when it had run for so many seconds, and when that was."""
    with open(counts) as file:
        for line in csv.DictReader(file, delimiter=';'):
            hours, minutes, seconds = line['ElapsedTime(C)'].split(':')[:3]
            elapsed = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
            last = int(line['SuccessfulCall(C)']), int(line['FailedCall(C)']), int(line['TotalCallCreated']), elapsed
            if elapsed >= after:
                break
    return last


def beyond(options, program):
    """What is served of three times the clean rate, and whether everything is as before two seconds later. The node has one core,
    SIPp the other: one that has to share cannot send so much. SIPp may leave answers unread then, so the node's store is asked too."""
    global CORES
    with Boxes() as boxes:
        CORES = box.BOX_CPU
        config = example(boxes, 'b-server')
        fill(boxes, program, 'b-server', options.users)
        node(boxes, program, config, 5071)
        CORES = box.LOAD_CPU
        take = users(f'{n:06};\n' for n in range(options.users))
        best = ladder(boxes, 'mcx', 'deauthorization.xml', take, 5061, 5071, options.seconds, RATES)
        rows, counts = os.path.join(boxes.folder, 'much.csv'), os.path.join(boxes.folder, 'much-counts.csv')
        offered, half = 3 * best, best // 2
        with open(rows, 'w') as file:
            file.write('SEQUENTIAL\n' + ''.join(take(int(offered * options.seconds))))
        there = lines_of(program, boxes, 'users', '--state', 'was-migrated')
        much = boxes.start(['sipp', f'{HOST}:5071', '-sf', os.path.join(BENCH, 'deauthorization.xml'), '-inf', rows, '-i', HOST, '-p', '5061',
                            '-r', str(offered), '-m', str(int(offered * options.seconds)), '-l', '400000', '-nostdin', '-trace_stat', '-stf', counts,
                            '-fd', '1', '-buff_size', str(8 << 20)], CORES)
        time.sleep(options.seconds + 0.5)
        much.kill()
        much.wait()
        ok, refused, sent, after = success(counts, options.seconds)
        time.sleep(1.5)
        served = (lines_of(program, boxes, 'users', '--state', 'was-migrated') - there) / (options.seconds + 0.5)
        seen = sipp(boxes, 'deauthorization.xml', take(half * 3), 5061, 5071, half)
        print(f"beyond     {offered:6}/s asked, {sent / after:,.0f}/s sent: {served:,.0f}/s became durable ({served / best:.0%} of what is clean), SIPp saw "
              f"{ok / after:,.0f}/s answered 200 and {refused / after:,.0f}/s refused; 2 s later {half}/s: {seen['ok']} of {seen['sent']}, "
              f"{seen['again']} sent again, p99 {seen['p99_ms']} ms", flush=True)
        return served


def is_clean(seen, rate):
    # A generator that cannot keep the rate has not offered it.
    on_time = seen['took_s'] < seen['sent'] / rate * 1.15 + 0.5
    return seen['ok'] == seen['sent'] and seen['again'] == 0 and on_time


def ladder(boxes, name, scenario, take, at, to, seconds, rates):
    """The highest clean rate; goes on until two in a row are not."""
    best, misses = 0, 0
    for rate in rates:
        seen = sipp(boxes, scenario, take(int(rate * seconds)), at, to, rate)
        clean = is_clean(seen, rate)
        print(f"{name:10} {rate:6}/s: {seen['ok']} of {seen['sent']} answered 200, {seen['again']} sent again, "
              f"p99 {seen['p99_ms']} ms, {seen['took_s']:.1f} s{'' if clean else '   not clean'}", flush=True)
        best, misses = (rate, 0) if clean else (best, misses + 1)
        if misses == 2:
            break
    return best


def users(lines):
    """Hands out users, each once."""
    place = iter(lines)

    def take(count):
        taken = [line for _, line in zip(range(count), place)]
        if len(taken) < count:
            raise SystemExit('not enough users in the stores: --users')
        return taken
    return take


def partner(options, program):
    with Boxes() as boxes:
        config = example(boxes, 'b-server')
        fill(boxes, program, 'b-server', options.users)
        node(boxes, program, config, 5071)
        take = users(f'{n:06};\n' for n in range(options.users))
        return ladder(boxes, 'mcx', 'deauthorization.xml', take, 5061, 5071, options.seconds, RATES)


def kamailio(options, _):
    with Boxes() as boxes:
        server, psql = postgres(boxes)
        filling = "INSERT INTO mapping SELECT to_char(n, 'FM000000'), 'migrated', 1, now() FROM generate_series(0, %d) n"
        subprocess.run([*psql, '-c', filling % (options.users - 1)], check=True)
        proxy = boxes.kamailio('postgres', f'{HOST}:{DATABASE}', 512, CORES)
        box.wait_until_it_answers(5070, proxy)
        take = users(f'{n:06};\n' for n in range(options.users))
        best = ladder(boxes, 'kamailio', 'deauthorization.xml', take, 5061, 5070, options.seconds, RATES)
        # PostgreSQL ends at once with this one.
        server.send_signal(2)
        return best


def lines_of(program, boxes, what, *arguments):
    socket = os.path.join(boxes.folder, 'a-server.sqlite.admin' if what == 'outbox' else 'b-server.sqlite.admin')
    out = subprocess.run([program('mcx'), what, '--socket', socket, '--json', *arguments], stdout=subprocess.PIPE, check=True)
    return out.stdout.count(b'\n')


def chain(options, program):
    """Of each rate: whether all was clean at A, and how long after the last PUBLISH the last notification was delivered."""
    with Boxes() as boxes:
        names = {'a-server': 5061, 'a-gateway': 5062, 'b-gateway': 5072, 'b-server': 5071}
        for name, port in names.items():
            config = example(boxes, name, 'gateways')
            if name == 'a-server':
                fill(boxes, program, name, options.users, 'home')
            if name == 'b-server':
                fill(boxes, program, name, options.users)
            node(boxes, program, config, port)
        key = os.path.join(PROJECT, 'docs', 'loopback', 'keys', 'idms-a.key.pem')
        signed = subprocess.run([program('tokens'), key, str(options.users)], stdout=subprocess.PIPE, text=True, check=True)
        take = users(iter(signed.stdout.splitlines(keepends=True)[1:]))
        best = told = 0
        for rate in (500, 1_000, 1_500, 2_000, 2_500, 3_000, 3_500, 4_000, 5_000):
            seen = sipp(boxes, 'return.xml', take(int(rate * options.seconds)), 5060, 5061, rate)
            ended = time.monotonic()
            while (waiting := lines_of(program, boxes, 'outbox')) and time.monotonic() - ended < 60:
                time.sleep(0.05)
            behind = time.monotonic() - ended
            told += seen['ok']
            there = lines_of(program, boxes, 'users', '--state', 'was-migrated')
            clean = is_clean(seen, rate) and behind < 1 and there == told and not waiting
            print(f"chain {rate:6}/s: {seen['ok']} of {seen['sent']} answered 200, {seen['again']} sent again, p99 {seen['p99_ms']} ms; "
                  f"all delivered {behind:.2f} s later, {there} of {told} at B{'' if clean else '   not clean'}", flush=True)
            if not clean:
                break
            best = rate
        return best


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--chain', action='store_true')
    parser.add_argument('--beyond', action='store_true')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--seconds', type=float, default=4, help='of each rate')
    parser.add_argument('--users', type=int, default=900_000, help='in the stores: each is used once')
    parser.add_argument('--only', choices=['mcx', 'kamailio'])
    parser.add_argument('--programs', help='folder with the release programs; built if it is not given')
    options = parser.parse_args()
    if not shutil.which('sipp'):
        raise SystemExit('sipp is not installed: apt-get install sip-tester')
    program = box.programs(options.programs)
    print(box.machine())
    boxes = {'chain': chain} if options.chain else {'beyond': beyond} if options.beyond else {'mcx': partner, 'kamailio': kamailio}
    best = {name: [] for name in boxes if options.only in (None, name)}
    for _ in range(options.rounds):
        for name, runs in best.items():
            runs.append(boxes[name](options, program))
    print('\n| served of three times the clean rate, a second | median | runs |\n|---|---|---|' if options.beyond else '\n| clean up to, a second | median | runs |\n|---|---|---|')
    for name, runs in best.items():
        print(f"| {name} | {statistics.median(runs):,.0f} | {json.dumps(sorted(runs))} |")


if __name__ == '__main__':
    main()
