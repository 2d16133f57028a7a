#!/usr/bin/env python3
"""Random models, converted every way, and judged by what they are written for: finds wrong numbers that nobody thought of.

    random_run.py --kferry build/kferry --work DIR --envs DIR [--seed N] [--first N] [--count N] [--task NAME...]

random_zoo.py makes `count` models each in tf.keras 2.15 and Keras 3.15, unless DIR has them already. Every conversion is right, refused
(the codes are counted, and each is shown once), or wrong: judged otherwise, not loaded, or ended with another status. For each wrong one
a line with its id, which holds seed and number: the same seed with `--first` that number and `--count 1` makes that model alone. What the
judge itself lacks, a kernel on a CPU, is no fault. Ends with the status 1 if any was wrong.
"""
import argparse
import collections
import pathlib
import re
import subprocess
import sys

from parts import onnx, serving, tfjs
from suite import HERE, convert_all, judge, reasons, verdict_of

ZOOS = {"2": "k2", "3": "k3"}
# The zoo, what is read, to, what is written, for which Keras, and who judges.
TASKS = {
    "up": ("2", ".h5", "keras", ".keras", "3.15", "k3"),
    "up-zip": ("2", ".keras", "keras", ".keras", "3.15", "k3"),
    "up-saved": ("2", ".tar", "keras", ".keras", "3.15", "k3"),
    "up-h5": ("2", ".h5", "h5", ".h5", "3.15", "k3"),
    "up-3.0": ("2", ".h5", "keras", ".keras", "3.0", "k30"),
    "down": ("3", ".keras", "h5", ".h5", "2.15", "k2"),
    "down-zip": ("3", ".keras", "keras", ".keras", "2.15", "k2"),
    "down-h5": ("3", ".h5", "h5", ".h5", "2.15", "k2"),
    "old": ("3", ".keras", "keras", ".keras", "3.0", "k30"),
    "same": ("3", ".h5", "keras", ".keras", "3.15", "k3"),
    "onnx2": ("2", ".h5", "onnx", ".onnx", None, "onnx"),
    "onnx3": ("3", ".keras", "onnx", ".onnx", None, "onnx"),
    "serving2": ("2", ".h5", "savedmodel", ".tar", None, "k2"),
    "serving3": ("3", ".keras", "savedmodel", ".tar", None, "k3"),
    "tfjs2": ("2", ".h5", "tfjs", ".zip", None, "tfjs"),
    "tfjs3": ("3", ".keras", "tfjs", ".zip", None, "tfjs"),
}
# What a release or a runtime has no kernel for on a CPU.
LACKED = re.compile(r"NOT_IMPLEMENTED|only supports NHWC|No OpKernel|Unimplemented|NHWC tensor format|data_format = ?NCHW|CPU BiasOp only|Current CPU implementations do not yet support")


def make(options, zoo):
    """{id: (tolerance, classes)} of the models of one Keras."""
    folder = options.work / f"random{zoo}"
    if not (folder / "models.tsv").exists():
        first = options.first
        subprocess.run([str(c) for c in (options.envs / ZOOS[zoo] / "bin" / "python", HERE / "random_zoo.py", folder, options.seed, first, first + options.count)],
                       check=True, stderr=subprocess.DEVNULL)
    return {id: (tolerance, classes) for id, tolerance, classes in (line.rstrip("\n").split("\t") for line in (folder / "models.tsv").open())}


def judged(options, task, files, models, done, folder):
    """{id: result} of what was written."""
    zoo, _, to, suffix, _, environment = TASKS[task]
    refs = options.work / f"random{zoo}"
    rows = [(id, folder / (id + suffix), models[id][0]) for id in done]
    if to == "onnx":
        return onnx.judge(options, folder, refs, rows)
    if to == "tfjs":
        return tfjs.judge_there(options, folder, refs, rows)
    if to == "savedmodel":
        return serving.judge_in(environment, options, folder, refs, [(*row, files[row[0]]) for row in rows])
    paths = {id: f"{path}\t{tolerance}" for id, path, tolerance in rows}
    return judge(options.envs / environment / "bin" / "python", folder, refs, done, files=paths, processes=1)


def run_task(options, task, models):
    """Counts of what became of one way; prints what is wrong, and why models were refused."""
    zoo, suffix, to, written, keras, _ = TASKS[task]
    home, folder = options.work / f"random{zoo}", options.work / f"random-{task}"
    files = {id: home / (id + suffix) for id in models if (home / (id + suffix)).exists() and options.only in id}
    told = ["--keras", keras] if keras else []
    converted = convert_all(options, files, folder, lambda id: told, to=to, suffix=written)
    done = [id for id in files if converted[id][0] == 0]
    results = judged(options, task, files, models, done, folder) if done else {}
    count, refused = collections.Counter(models=len(files)), collections.defaultdict(list)
    for id in files:
        status, report = converted[id]
        if status == 65:
            count["refused"] += 1
            for reason in reasons(report).split("; "):
                refused[reason].append(id)
        elif status == 0 and results.get(id, {}).get("ok"):
            count["right"] += 1
        elif status == 0 and LACKED.search(results.get(id, {}).get("error", "")):
            count["beyond the judge"] += 1
        else:
            count["wrong"] += 1
            why = verdict_of(results.get(id)) if status == 0 else f"exit status {status}: {report.get('error')}"
            print(f"WRONG {task} {id} [{models[id][1]}]: {' '.join(why.split())[:600]}", flush=True)
    for reason in sorted(refused):
        print(f"  refused by {task}, {len(refused[reason])} as {refused[reason][0]}: {reason[:250]}")
    print(f"== {task}: " + ", ".join(f"{number} {what}" for what, number in sorted(count.items())), flush=True)
    return count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kferry", required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--envs", type=pathlib.Path, required=True)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--task", nargs="*", choices=TASKS, default=list(TASKS))
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    models = {zoo: make(options, zoo) for zoo in sorted({TASKS[task][0] for task in options.task})}
    total = sum((run_task(options, task, models[TASKS[task][0]]) for task in options.task), collections.Counter())
    print(f"random, seed {options.seed}, from {options.first}: " + ", ".join(f"{number} {what}" for what, number in sorted(total.items())))
    return 1 if total["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
