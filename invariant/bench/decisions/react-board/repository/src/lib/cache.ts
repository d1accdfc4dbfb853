import type { Board } from "../api/client";

const PREFIX = "plank:board:";

function isBoard(value: unknown): value is Board {
  return (
    typeof value === "object" &&
    value !== null &&
    Array.isArray((value as { columns?: unknown }).columns) &&
    Array.isArray((value as { cards?: unknown }).cards)
  );
}

/** The cached board, or null when there is none or it makes no sense. */
export function readCache(id: string): Board | null {
  try {
    const raw = localStorage.getItem(PREFIX + id);
    if (raw === null) return null;
    const value: unknown = JSON.parse(raw);
    return isBoard(value) ? value : null;
  } catch {
    return null;
  }
}

export function writeCache(id: string, board: Board): void {
  try {
    localStorage.setItem(PREFIX + id, JSON.stringify(board));
  } catch (error) {
    console.warn("board not cached", error);
  }
}
