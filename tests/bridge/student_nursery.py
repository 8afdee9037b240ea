"""Run as a program: forks a student's process for every socket that comes over the descriptor argv[1].

Test helper, standing in for the sandbox's nursery, without its protection.
"""

import os
import socket
import sys
import tempfile
import traceback


def main():
    import torch
    from labgrader.bridge import student
    from labgrader.bridge.limits import Limits

    torch.set_num_threads(1)
    student.warm()
    calls = socket.socket(fileno=int(sys.argv[1]))
    calls.sendall(b"ready")
    while True:
        message, fds, _, _ = socket.recv_fds(calls, 100, 1)
        if not fds:
            break
        pid = os.fork()
        if pid == 0:
            calls.close()
            os.chdir(tempfile.mkdtemp(dir=os.environ["NURSERY_TMP"]))
            try:
                student.serve(socket.socket(fileno=fds[0]), Limits(**eval(message)))
            except BaseException:
                with open(os.path.join(os.environ["NURSERY_TMP"], f"{os.getpid()}.txt"), "w") as file:
                    traceback.print_exc(file=file)
            finally:
                os._exit(0)
        os.close(fds[0])
        calls.sendall(pid.to_bytes(8, "little"))


if __name__ == "__main__":
    main()
