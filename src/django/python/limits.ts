/**
 * The most levels of nesting that are read: as many as Python's `json` reads, which recurses, at the outermost of a program.
 */
export const READ_DEPTH = 1000;

/**
 * The most that the reading of one pickle may cost, whose bytes may ask for far more than they are: an object costs 32, a place in the memo
 * 16, and what is copied or written out its length. So there is room for a million objects.
 */
export const READ_COST = 32_000_000;

/** The most lists and dicts of one JSON text: as many as a pickle has room for. */
export const READ_CONTAINERS = 1_000_000;

/** The most levels of nesting of what is new: Python has to read it within a request, with the frames of a whole application above. */
export const WRITE_DEPTH = 500;
