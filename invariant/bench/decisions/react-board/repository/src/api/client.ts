export type CardId = string;

export interface Card {
  id: CardId;
  title: string;
  column: string;
  notesHtml: string;
  photoUrl: string | null;
}

export interface Board {
  name: string;
  columns: string[];
  cards: Card[];
}

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

async function request<T>(path: string, init?: RequestInit): Promise<T> {
  const response = await fetch(`/api${path}`, {
    ...init,
    headers: { "content-type": "application/json", ...init?.headers },
  });
  if (!response.ok) {
    const body: any = await response.json().catch(() => ({}));
    throw new ApiError(response.status, body.message ?? response.statusText);
  }
  return (await response.json()) as T;
}

export function getBoard(id: string): Promise<Board> {
  return request<Board>(`/boards/${encodeURIComponent(id)}`);
}

export function moveCard(board: string, card: CardId, column: string): Promise<Card> {
  console.log("move", card, column);
  return request<Card>(`/boards/${encodeURIComponent(board)}/cards/${card}`, {
    method: "PATCH",
    body: JSON.stringify({ column }),
  });
}
