package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// subject says whom a certificate is for. A subject without names and addresses is a client.
type subject struct {
	name      string
	groups    []string
	names     []string
	addresses []net.IP
}

// pair is a certificate with its private key, as objects and as PEM.
type pair struct {
	certificate    *x509.Certificate
	key            crypto.Signer
	certificatePEM []byte
	keyPEM         []byte
}

// authority makes a self-signed certificate that may sign others.
func authority(name string) (*pair, error) {
	template := newTemplate(subject{name: name})
	template.IsCA = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = nil
	return sign(template, nil)
}

// issue makes a certificate for whom, signed by the authority.
func issue(ca *pair, whom subject) (*pair, error) {
	return sign(newTemplate(whom), ca)
}

func newTemplate(whom subject) *x509.Certificate {
	return &x509.Certificate{
		Subject:               pkix.Name{CommonName: whom.name, Organization: whom.groups},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().AddDate(1, 0, 0),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		DNSNames:              whom.names,
		IPAddresses:           whom.addresses,
		BasicConstraintsValid: true,
	}
}

func sign(template *x509.Certificate, ca *pair) (*pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return nil, err
	}
	parent, signer := template, crypto.Signer(key)
	if ca != nil {
		parent, signer = ca.certificate, ca.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return nil, err
	}
	return newPair(der, key)
}

func newPair(der []byte, key *ecdsa.PrivateKey) (*pair, error) {
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	encoded, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return &pair{
		certificate:    certificate,
		key:            key,
		certificatePEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		keyPEM:         pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: encoded}),
	}, nil
}

// save writes NAME.crt and NAME.key into dir, readable by the owner only.
func (p *pair) save(dir, name string) error {
	if err := os.WriteFile(filepath.Join(dir, name+".crt"), p.certificatePEM, 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name+".key"), p.keyPEM, 0o600)
}

// loadPair reads what save wrote.
func loadPair(dir, name string) (*pair, error) {
	certificatePEM, err := os.ReadFile(filepath.Join(dir, name+".crt"))
	if err != nil {
		return nil, err
	}
	keyPEM, err := os.ReadFile(filepath.Join(dir, name+".key"))
	if err != nil {
		return nil, err
	}
	der, _ := pem.Decode(certificatePEM)
	encoded, _ := pem.Decode(keyPEM)
	if der == nil || encoded == nil {
		return nil, errors.New(name + ": not a PEM file")
	}
	key, err := x509.ParseECPrivateKey(encoded.Bytes)
	if err != nil {
		return nil, err
	}
	return newPair(der.Bytes, key)
}
