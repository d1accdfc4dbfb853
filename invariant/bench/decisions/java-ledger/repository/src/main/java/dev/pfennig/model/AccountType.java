package dev.pfennig.model;

/** The five kinds of account, and the side on which each of them grows. */
public enum AccountType {
    ASSET(true),
    EXPENSE(true),
    LIABILITY(false),
    EQUITY(false),
    INCOME(false);

    private final boolean debitGrows;

    AccountType(boolean debitGrows) {
        this.debitGrows = debitGrows;
    }

    /** True when a debit makes the balance of such an account larger. */
    public boolean debitGrows() {
        return debitGrows;
    }

    /** The type whose name starts a code, as in "asset:bank". */
    public static AccountType ofCode(String code) {
        int colon = code.indexOf(':');
        String head = colon < 0 ? code : code.substring(0, colon);
        for (AccountType type : values()) {
            if (type.name().equalsIgnoreCase(head)) {
                return type;
            }
        }
        throw new IllegalArgumentException("no account type in '" + code + "'");
    }
}
