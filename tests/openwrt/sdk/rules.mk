# What the package Makefile uses of OpenWrt's build system, for tests: `make SDK_OUT=...` installs each package
# below that folder, from a program that lies there already.

INCLUDE_DIR:=$(TOPDIR)/include
PKG_BUILD_DIR:=$(SDK_OUT)/build
PKG_INSTALL_DIR:=$(SDK_OUT)/built
INSTALL_DIR:=install -d -m0755
INSTALL_BIN:=install -m0755
INSTALL_DATA:=install -m0644
INSTALL_CONF:=install -m0600
CP:=cp -fpR
LN:=ln -sf
