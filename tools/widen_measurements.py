#!/usr/bin/env python3
"""Packs a table of measured operators: one line a series, one column a value of the swept dimension.

    tools/widen_measurements.py gemm.csv.zst m data/measurements/gemm.csv.zst

The long table has one measurement a line and a column latency_us; the packed one starts with the
line "# sweep: m" and is a tenth of its size. Measurements of the same key are averaged (mean of
their logarithms), so nothing else is lost. Needs the zstd command.
"""
import csv
import math
import subprocess
import sys


def fail(message):
    sys.exit(f"widen_measurements: {message}")


def read_long(path, sweep):
    text = subprocess.run(["zstd", "-dc", "--long=27", path], check=True, capture_output=True).stdout
    reader = csv.reader(text.decode().splitlines())
    header = next(reader)
    for name in (sweep, "latency_us"):
        if name not in header:
            fail(f"{path}: no column {name}; there are {', '.join(header)}")
    at_sweep, at_latency = header.index(sweep), header.index("latency_us")
    keys = [i for i in range(len(header)) if i not in (at_sweep, at_latency)]
    series = {}
    for row in reader:
        point = series.setdefault(tuple(row[i] for i in keys), {})
        point.setdefault(int(row[at_sweep]), []).append(row[at_latency])
    return [header[i] for i in keys], series


def latency(values):
    if len(values) == 1:
        return values[0]
    mean = math.exp(sum(math.log(float(v)) for v in values) / len(values))
    return f"{mean:.4g}"


def main():
    if len(sys.argv) != 4:
        fail("expected: LONG.csv.zst SWEEP PACKED.csv.zst")
    source, sweep, target = sys.argv[1:]
    names, series = read_long(source, sweep)
    values = sorted({v for points in series.values() for v in points})
    lines = [f"# sweep: {sweep}", ",".join(names + [str(v) for v in values])]
    for key in sorted(series):
        points = series[key]
        lines.append(",".join(list(key) + [latency(points[v]) if v in points else "" for v in values]))
    packed = ("\n".join(lines) + "\n").encode()
    subprocess.run(["zstd", "-19", "--long=27", "-q", "-f", "-o", target], check=True, input=packed)


main()
