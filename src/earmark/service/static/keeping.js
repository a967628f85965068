// What this browser remembers of the reader's choices. A browser may forbid it; then nothing is remembered.

export function recall(key, otherwise) {
  try {
    return localStorage.getItem(`earmark-${key}`) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function remember(key, value) {
  try {
    localStorage.setItem(`earmark-${key}`, value);
  } catch {
    // nothing to be done
  }
}
