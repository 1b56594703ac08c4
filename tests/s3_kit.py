"""What the tests' S3 servers have in common: buckets, and how a client gets at them."""

import itertools
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import timedelta

import obstore
from obstore.store import S3Store
from patience import PATIENCE

REGION = "us-east-1"
_COUNTER = itertools.count()


@dataclass(frozen=True)
class Bucket:
    """A bucket of its own on a server at `endpoint`, which keeps its bytes below `folder`."""

    name: str
    endpoint: str
    access_key: str
    secret: str
    folder: object = None

    @property
    def url(self):
        """As a home's vault names it."""
        return f"s3://{self.name}"

    @property
    def environment(self):
        """The variables that give a process the right to use it."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_REGION": REGION,
        }

    def store(self, endpoint=None, **more):
        """obstore's view of it, by way of another `endpoint` if one is given."""
        return S3Store(
            self.name,
            endpoint=endpoint or self.endpoint,
            region=REGION,
            access_key_id=self.access_key,
            secret_access_key=self.secret,
            client_options={"allow_http": True},
            **more,
        )

    def keys(self):
        """The keys of all its objects, sorted."""
        return sorted(found["path"] for found in obstore.list(self.store()).collect())


def new_bucket(endpoint, access_key, secret, folder=None):
    """A new bucket, by the presigned request that S3 knows for making one."""
    made = Bucket(f"bucket-{next(_COUNTER)}", endpoint, access_key, secret, folder)
    url = obstore.sign(made.store(), "PUT", "", timedelta(minutes=5))
    with urllib.request.urlopen(urllib.request.Request(url, method="PUT"), timeout=PATIENCE) as put:
        assert put.status == 200
    return made


def until_it_answers(url, process):
    """Wait for a server that was just started."""
    end = time.monotonic() + PATIENCE
    while True:
        assert process.poll() is None, "the server has ended"
        assert time.monotonic() < end, "the server does not answer"
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.02)
