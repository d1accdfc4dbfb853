import { useCallback, useEffect, useState } from "react";
import { getBoard, moveCard, type Board, type CardId } from "../api/client";
import { readCache, writeCache } from "../lib/cache";

export interface BoardState {
  board: Board | null;
  stale: boolean;
  move: (card: CardId, column: string) => Promise<void>;
}

/** The board from the server, or the last one we saw when there is no network. */
export function useBoard(id: string): BoardState {
  const [board, setBoard] = useState<Board | null>(() => readCache(id));
  const [stale, setStale] = useState(true);

  useEffect(() => {
    let cancelled = false;
    getBoard(id)
      .then((fresh) => {
        if (cancelled) return;
        setBoard(fresh);
        setStale(false);
        writeCache(id, fresh);
      })
      .catch((error: unknown) => {
        // any failure leaves the cached board on the screen
        console.warn("board not refreshed", error);
      });
    return () => {
      cancelled = true;
    };
  }, [id]);

  const move = useCallback(
    async (card: CardId, column: string) => {
      const moved = await moveCard(id, card, column);
      setBoard((current) =>
        current === null
          ? current
          : { ...current, cards: current.cards.map((c) => (c.id === card ? moved : c)) },
      );
    },
    [id],
  );

  return { board, stale, move };
}
