export interface Reading {
  kind: string;
  value: number;
  takenMs: number;
}

const HOUR_MS = 3_600_000;

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("greenhouse", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("readings", { keyPath: "takenMs" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Keeps readings and forgets those that are older than an hour. */
export async function keep(readings: Reading[]): Promise<void> {
  const database = await open();
  const store = database.transaction("readings", "readwrite").objectStore("readings");
  for (const reading of readings) store.put(reading);
  store.delete(IDBKeyRange.upperBound(Date.now() - HOUR_MS));
}

/** What was kept. */
export async function kept(): Promise<Reading[]> {
  const database = await open();
  return new Promise((resolve, reject) => {
    const request = database.transaction("readings").objectStore("readings").getAll();
    request.onsuccess = () => resolve(request.result as Reading[]);
    request.onerror = () => reject(request.error);
  });
}
