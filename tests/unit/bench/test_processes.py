"""What /proc says, taken apart."""

from bench.processes import Process, cpu, memory, of_pod, of_programs, parse, tree

STAT = "42 (a) b) S 7 1 1 0 -1 4194304 9 0 0 0 150 50 0 0 20 0 1 0 100 9000000 256 0"


def process(pid, parent=1, *, cpu=0.0, words=("x",), cgroup=""):
    return Process(pid, parent, cpu, 1_000_000, words, cgroup)


def by_pid(*found):
    return {each.pid: each for each in found}


def test_a_process_is_read_though_its_name_holds_brackets_and_blanks():
    found = parse(42, STAT, "python3\0-m\0bench\0", "4:memory:/a\n")
    assert (found.parent, found.cpu, found.words) == (7, 2.0, ("python3", "-m", "bench"))
    assert found.memory == 256 * 4096


def test_a_tree_is_a_root_with_all_that_descends_from_it():
    found = by_pid(process(1, 0), process(2, 1), process(3, 2), process(4, 1))
    assert tree(found, [2]) == {2, 3}


def test_a_root_that_is_gone_has_no_tree():
    assert tree(by_pid(process(1, 0)), [9]) == set()


def test_the_pause_process_of_a_pod_does_not_count():
    found = by_pid(
        process(1, cgroup="/n/kubepods/poduid-1/a"),
        process(2, cgroup="/n/kubepods/poduid-1/b", words=("/pause",)),
        process(3, cgroup="/n/kubepods/poduid-2/c"),
    )
    assert of_pod(found, "uid-1") == {1}


def test_a_program_of_a_node_is_known_by_its_name_as_a_file_or_as_a_word():
    found = by_pid(
        process(1, cgroup="/node1/system", words=("/bin/kube", "kubelet", "--x")),
        process(2, cgroup="/node1/system", words=("containerd", "-c", "kubelet")),
        process(3, cgroup="/other/system", words=("/bin/kube", "kubelet")),
        process(4, cgroup="/node1/kubepods/a", words=("kubelet",)),
    )
    assert of_programs(found, "node1", ["kubelet", "containerd"]) == {1, 2}


def test_cpu_time_of_a_process_that_is_new_counts_in_full():
    before, after = by_pid(process(1, cpu=1.0)), by_pid(process(1, cpu=1.5), process(2, cpu=0.25))
    assert cpu(before, after, [1, 2]) == 0.75


def test_memory_of_processes_adds_up_in_megabytes():
    assert memory(by_pid(process(1), process(2)), [1, 2]) == 2.0
