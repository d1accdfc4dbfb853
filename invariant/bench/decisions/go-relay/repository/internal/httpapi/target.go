package httpapi

import (
	"context"
	"errors"
	"net"
	"net/url"
)

var (
	errNotHTTPS = errors.New("the target is not https")
	errPrivate  = errors.New("the target is in a private network")
)

// checkTarget refuses targets that are not https or lead into a private network.
func checkTarget(ctx context.Context, target string) error {
	parsed, err := url.Parse(target)
	if err != nil || parsed.Scheme != "https" {
		return errNotHTTPS
	}
	addresses, err := net.DefaultResolver.LookupIPAddr(ctx, parsed.Hostname())
	if err != nil {
		return err
	}
	for _, address := range addresses {
		if ip := address.IP; ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() {
			return errPrivate
		}
	}
	return nil
}
