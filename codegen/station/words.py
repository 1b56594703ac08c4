"""The words that two people compare before a station is admitted.

Whoever joins and whoever admits see each other's key, database and bucket through machines that a
third may hold. The words are what they have in common, short enough to be read out by telephone:

- a station's key that was exchanged on its way would be admitted in the right one's place, be sent
  the fingerprint key, and mint into the books: `sign_public` and `seal_public` are in the words;
- a database that pretends to be the home's would have the new station mint codes that no book of
  the home knows, under a fingerprint key of its choice: the home's id and its founding are in the
  words. `founding` is the hash of the second event, and so stands for the first, which names the
  fingerprint key, and for the key that signs both. Whoever copies these two can book nothing
  behind them without a key of the roster.

They say nothing of what was booked later: a database that was stopped at an older state looks the
same, and `older_copy` is about that.

Whoever wants other keys to have the same words has to try 2^64 of them, and each costs scrypt
(RFC 7914) with 16 megabytes. A person compares words whose first four letters tell them apart.
"""

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

COUNT = 8  # words, of 8 bits each
_SALT = b"mintmark station words 1"
_COST = {"n": 2**14, "r": 8, "p": 1}
# Chosen for this purpose alone, and never changed: both sides must have the same.
_LIST = """
acorn amber anchor apple apron arrow autumn bacon badge bagel baker bamboo banjo barn basket
beach bean beaver bell bench berry bicycle biscuit blanket boat bonnet bottle branch bread brick
bridge broom bucket butter cabin cactus camel candle canoe carpet carrot castle chalk cherry
chimney circle clover coat cobweb coffee comet copper coral cotton cradle crane cricket crown
cuckoo curtain daisy dancer desert diamond dinner dolphin donkey door dragon drum duck eagle
easel echo elbow elephant ember engine envelope evening fabric falcon farmer feather fence ferry
fiddle finger flute forest fountain frost garden garlic ginger glove goat goose grape gravel
guitar hammer harvest hazel hedge helmet heron honey horse hotel igloo inkwell island ivory
jacket jaguar jasmine jelly jewel jigsaw juggler jungle kayak kettle kitchen kiwi knot ladder
lagoon lantern laurel leather lemon lentil letter lily lizard lobster lotus magnet mango maple
marble meadow melon mirror mitten monkey moon mosaic mushroom mustard napkin needle nephew nest
nickel noodle novel nutmeg oasis ocean olive onion orange orchard otter oven oyster paddle
palace panda paper parrot peach pebble pencil pepper piano pigeon pillow planet plum pocket pond
poppy potato pumpkin puzzle quarry quilt rabbit radish raft rainbow raven ribbon river rocket
rose ruby saddle sailor salmon sandal scarf school shovel silver sister skate sledge snow soup
spider spoon squirrel stable star stone sugar summer swan table tailor taxi teapot temple thistle
thunder tiger tomato tower tractor trumpet tulip tunnel turtle umbrella valley vanilla velvet
violin volcano wagon walnut water whale wheat willow window winter wolf yellow zebra zigzag
"""
WORDS = tuple(_LIST.split())


def words(home: str, founding: str, sign_public: bytes, seal_public: bytes) -> tuple[str, ...]:
    """The words for a station with these public keys, 32 bytes each, in this home.

    `founding` is the hash of the home's second event, hex.
    """
    said = home.encode("ascii") + bytes.fromhex(founding) + sign_public + seal_public
    digest = Scrypt(salt=_SALT, length=COUNT, **_COST).derive(said)
    return tuple(WORDS[byte] for byte in digest)


def as_typed(text: str) -> tuple[str, ...]:
    """The words of a text that a person typed: in any case, with spaces, commas or hyphens."""
    return tuple(text.casefold().replace(",", " ").replace("-", " ").split())
